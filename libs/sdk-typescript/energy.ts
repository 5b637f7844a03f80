import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Meta } from './batches.js';
import { readIfThere } from './journal.js';
import { onOneHost } from './launch.js';

const forgetMs = 14 * 86_400_000;

interface Kept {
  readonly key: string;
  readonly kwh: number;
}

// as of docs/decisions/0051: the energy of a host goes on where the sender that measured it before has left off
const sharedPath = (meta: Meta): string =>
  join(meta.system!.root, 'energy', `${meta.run}-${hostname().slice(0, 100)}.json`);

/** What this host has used in this run so far; null: nobody has measured it. */
export function sharedEnergyOf(meta: Meta): number | null {
  return read(sharedPath(meta))?.kwh ?? null;
}

/** Beside the spools for whoever goes on with it, and in the own one for the end of the run. */
export function keepEnergy(folder: string, meta: Meta, kwh: number): void {
  const key = onOneHost(process.env, meta.worldSize ?? 0)
    ? 'system/energy_kwh'
    : `system/energy_kwh/${hostname().slice(0, 200)}`;
  const shared = sharedPath(meta);
  try {
    replace(join(folder, 'system', 'energy'), { key, kwh });
    mkdirSync(dirname(shared), { recursive: true, mode: 0o700 });
    if (!existsSync(shared)) forgetOld(dirname(shared));
    replace(shared, { kwh });
  } catch {
    // the series has it too
  }
}

/** As a summary value, of a sender that has measured it; null: of no other. Another one may have gone on with it meanwhile. */
export function energyUsed(folder: string, meta: Meta): { readonly key: string; readonly json: string } | null {
  const own = read(join(folder, 'system', 'energy'));
  if (!own || !meta.system) return null;
  return { key: own.key, json: JSON.stringify(Math.max(own.kwh, sharedEnergyOf(meta) ?? 0)) };
}

function forgetOld(folder: string): void {
  for (const path of readdirSync(folder).map((name) => join(folder, name)))
    if (Date.now() - statSync(path).mtimeMs > forgetMs) rmSync(path, { force: true });
}

function read(path: string): Kept | null {
  try {
    const { key, kwh } = JSON.parse(readIfThere(path)) as Partial<Kept>;
    return typeof kwh === 'number' ? { key: key ?? '', kwh } : null;
  } catch {
    return null; // not there, or of something else
  }
}

function replace(path: string, said: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(said), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
