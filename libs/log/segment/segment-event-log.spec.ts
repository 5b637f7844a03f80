import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEventLog } from '../event-log.contract.js';
import { openSegmentEventLog } from './segment-event-log.js';

for (const [name, limits] of [
  ['SegmentEventLog', {}],
  ['SegmentEventLog with tiny segments and no tail in memory', { segmentBytesMax: 2_000, tailBytesMax: 0 }],
] as const) {
  describeEventLog(name, async ({ partitions }) => {
    const dir = await mkdtemp(join(tmpdir(), 'runstream-log-'));
    const open = () => openSegmentEventLog({ dir, partitions, clock: Date.now, ...limits });
    let log = await open();
    return {
      log,
      async reopen() {
        await log.close();
        return (log = await open());
      },
      async dispose() {
        await log.close();
        await rm(dir, { recursive: true });
      },
    };
  });
}
