import type { Configuration } from '#libs/config/configuration.js';
import { verifySegmentLog } from '#libs/log/segment/verify-segment-log.js';

/** Checks every block of the embedded log, whether a server runs on it or not; the exit code tells. */
export async function verifyCommand({ log }: Configuration): Promise<void> {
  if (log.kind !== 'file') throw new Error('verify reads the embedded log; the brokers of a Kafka log check theirs');
  const reports = await verifySegmentLog(log.dir);
  for (const { topic, partition, segments, records, bytes, problems } of reports) {
    console.log(`${topic}/${partition}: ${records} records in ${segments} segments, ${bytes} bytes`);
    for (const problem of problems) console.log(`  PROBLEM ${problem}`);
  }
  if (reports.some(({ problems }) => problems.length > 0)) process.exitCode = 2;
}
