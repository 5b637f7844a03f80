import { appendFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SetAside } from './batches.js';

/** Records that can't be sent, beside those that can. */
export function writeSetAside(folder: string, records: readonly SetAside[]): void {
  appendFileSync(join(folder, 'set-aside'), records.map((one) => `${JSON.stringify(one)}\n`).join(''));
}

/** The folder goes, what could not be sent stays beside the spools. */
export function keepSetAside(folder: string, name: string): void {
  const aside = join(folder, 'set-aside');
  if (!existsSync(aside)) return;
  const place = join(dirname(dirname(dirname(folder))), 'set-aside');
  mkdirSync(place, { recursive: true, mode: 0o700 });
  renameSync(aside, join(place, `${name}.jsonl`));
}
