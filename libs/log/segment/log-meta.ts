import { join } from 'node:path';
import { topics, type Topic } from '#libs/domain/event.js';
import { Unusable } from '#libs/domain/rejection.js';
import type { LogFs } from './log-fs.js';

export type PartitionCounts = Readonly<Record<Topic, number>>;

const metaName = 'log.json';
const formatVersion = 1;

export const partitionDirectory = (dir: string, topic: Topic, partition: number): string =>
  join(dir, `${topic}-${partition}`);

/** The partition counts a directory was made with; null for one that holds no log yet. */
export async function readMeta(fs: LogFs, dir: string): Promise<PartitionCounts | null> {
  const path = join(dir, metaName);
  const text = await fs.readText(path);
  if (text === null) return null;
  let meta: { version?: unknown; partitions?: Record<string, unknown> };
  try {
    meta = JSON.parse(text) as typeof meta;
  } catch (error) {
    throw new Unusable(`${path} is damaged: it is not JSON. Restore it from a copy`, { cause: error });
  }
  if (meta.version !== formatVersion) {
    throw new Unusable(
      `${path}: log format ${String(meta.version)} is not the one this program reads (${formatVersion}); upgrade Runstream`,
    );
  }
  const counts: Record<string, number> = {};
  for (const topic of topics) {
    const count = meta.partitions?.[topic];
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 1)
      throw new Unusable(`${path} has no partition count of topic ${topic}: it is damaged. Restore it from a copy`);
    counts[topic] = count;
  }
  return counts as PartitionCounts;
}

/** Makes the directories of a new log, or checks that an old one has as many partitions as the caller believes. */
export async function openMeta(fs: LogFs, dir: string, counts: PartitionCounts): Promise<void> {
  const kept = await readMeta(fs, dir);
  if (kept !== null) {
    for (const topic of topics) {
      if (kept[topic] !== counts[topic]) {
        throw new Unusable(
          `log ${dir}: topic ${topic} has ${kept[topic]} partitions, the configuration says ${counts[topic]}. ` +
            `The number can't change in place, keys would move: configure ${kept[topic]}, or export and import into a new directory`,
        );
      }
    }
    // a crash may have come between the meta file and its directories
  } else {
    await refuseOrphans(fs, dir);
    await writeMeta(fs, dir, counts);
  }
  for (const topic of topics) {
    for (let partition = 0; partition < counts[topic]; partition++)
      await fs.mkdir(partitionDirectory(dir, topic, partition));
  }
  await fs.syncDirectory(dir);
}

async function refuseOrphans(fs: LogFs, dir: string): Promise<void> {
  const names = (await fs.list(dir)) ?? [];
  const orphan = names.find((name) => /^[a-z]+-\d+$/.test(name));
  if (orphan !== undefined)
    throw new Unusable(`log ${dir} has partition ${orphan} but no ${metaName}: restore that file from a copy`);
}

async function writeMeta(fs: LogFs, dir: string, counts: PartitionCounts): Promise<void> {
  const path = join(dir, metaName);
  const temporary = `${path}.new`;
  const file = await fs.open(temporary, 'create');
  try {
    await file.truncate(0);
    await file.write(
      [
        Buffer.from(
          `${JSON.stringify({ format: 'runstream-segment-log', version: formatVersion, partitions: counts })}\n`,
        ),
      ],
      0,
    );
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
  await fs.syncDirectory(dir);
}
