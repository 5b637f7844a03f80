import { join } from 'node:path';
import { topics } from '#libs/domain/event.js';
import { partitionName } from '#libs/domain/position-token.js';
import { partitionDirectory, type PartitionCounts } from './log-meta.js';
import type { LogFs } from './log-fs.js';
import { CorruptLog, segmentFileName, type Segment } from './segment-file.js';

/** What is wrong with a log that opens all the same: told to whoever operates it. */
export interface LogDamage {
  readonly message: string;
  /** Of the place: file or folder, byte where there is one, what is known to be gone. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How far a partition surely reached, and its files: bounds from below, since a log only grows. */
export interface PartitionEnds {
  readonly end: number;
  readonly segments: readonly (readonly [baseOffset: number, bytes: number])[];
}
export type LogEnds = Readonly<Record<string, PartitionEnds>>;

const fileName = 'ends.json';

/**
 * The log's own record of what it holds, beside it: a file that was taken away whole, or cut between two blocks, looks like one that never
 * was. Written at each open and close; without it nothing is lost but this proof.
 */
export async function readEnds(fs: LogFs, dir: string, onDamage: (damage: LogDamage) => void): Promise<LogEnds> {
  const path = join(dir, fileName);
  const text = await fs.readText(path);
  if (text === null) return {};
  try {
    const { partitions } = JSON.parse(text) as { partitions: LogEnds };
    for (const { end, segments } of Object.values(partitions))
      if (!Number.isSafeInteger(end) || !Array.isArray(segments)) throw new SyntaxError('no ends');
    return partitions;
  } catch (error) {
    onDamage({
      message:
        "the log's record of its ends can't be read; it is made anew, and what was cut since could not be noticed",
      fields: { file: path, reason: (error as Error).message },
    });
    return {};
  }
}

/** A disk that refuses it keeps the older one, which is as true. */
export async function writeEnds(fs: LogFs, dir: string, ends: LogEnds): Promise<void> {
  const path = join(dir, fileName);
  const temporary = `${path}.new`;
  const file = await fs.open(temporary, 'create');
  try {
    await file.truncate(0);
    await file.write([Buffer.from(`${JSON.stringify({ version: 1, partitions: ends })}\n`)], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
}

/** Refuses files that were cut or taken away in the middle; says what is missing at the end. */
export async function checkEnds(
  fs: LogFs,
  dir: string,
  counts: PartitionCounts,
  known: LogEnds,
  opened: ReadonlyMap<string, PartitionEnds>,
  onDamage: (damage: LogDamage) => void,
): Promise<void> {
  for (const topic of topics)
    for (let index = 0; index < counts[topic]; index++) {
      const name = partitionName(topic, index);
      const [before, now] = [known[name], opened.get(name)];
      if (!before || !now || now.end >= before.end) continue;
      const folder = partitionDirectory(dir, topic, index);
      const names = new Set(await fs.list(folder));
      const gone = before.segments.map(([base]) => segmentFileName(base)).filter((file) => !names.has(file));
      onDamage({
        message: 'acknowledged records are missing at the end of the log; restore it from a copy to have them back',
        fields: {
          partition: name,
          folder,
          firstMissing: now.end,
          recordsMissing: before.end - now.end,
          ...(gone.length > 0 && { filesMissing: gone.join(' ') }),
        },
      });
    }
}

/** Files before the last one were durable and whole: one that is gone or shorter is refused at once, and not when somebody reads it. */
export function checkSegments(folder: string, before: PartitionEnds | undefined, segments: readonly Segment[]): void {
  const sizes = new Map(segments.map(({ baseOffset, durableBytes }) => [baseOffset, durableBytes]));
  const last = segments.at(-1)!.baseOffset;
  for (const [baseOffset, bytes] of before?.segments ?? []) {
    if (baseOffset >= last) continue;
    const path = join(folder, segmentFileName(baseOffset));
    const size = sizes.get(baseOffset);
    if (size === undefined) throw new CorruptLog(path, 0, `the file is missing (it had ${bytes} bytes)`);
    if (size < bytes) throw new CorruptLog(path, size, `the file is cut (it had ${bytes} bytes)`);
  }
}
