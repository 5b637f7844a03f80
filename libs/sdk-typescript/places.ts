import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ownName = (): string => `runstream-${process.getuid?.() ?? 'user'}`;

/** Where a spool lies: in the working folder, else in a folder of this user's own; never in one that belongs to somebody else. */
export function makeSpoolFolder(root: string, run: string, writer: string, say: (text: string) => void): string {
  let last: unknown;
  for (const place of places(root)) {
    try {
      const folder = join(place, 'spool', run, writer);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, 'probe'), '');
      rmSync(join(folder, 'probe'));
      return folder;
    } catch (error) {
      last = error;
      say(`${place} can't be written (${(error as Error).message}); the spool goes elsewhere`);
    }
  }
  throw last;
}

function* places(root: string): Generator<string> {
  yield root;
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    const place = join(parent, ownName());
    if (isOurs(place)) yield place;
    try {
      yield mkdtempSync(`${place}-`);
    } catch {
      continue;
    }
  }
}

/** Makes the folder when it is not there. One that somebody else made under this name, or a link, is not ours. */
function isOurs(place: string): boolean {
  try {
    mkdirSync(place, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  const found = lstatSync(place);
  return found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
}

/** Where `runstream-sync` looks: the folder it is given, else all that init() may have chosen. */
export function spoolRoots(given: string | undefined): string[] {
  const chosen = given ?? process.env['RUNSTREAM_DIR'];
  if (chosen) return [resolve(chosen)];
  const roots = [resolve('.runstream')];
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    for (const name of namesIn(parent)) {
      const path = join(parent, name);
      if ((name === ownName() || name.startsWith(`${ownName()}-`)) && isOurs(path)) roots.push(path);
    }
  }
  return roots.filter((root) => statSync(root, { throwIfNoEntry: false })?.isDirectory());
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
