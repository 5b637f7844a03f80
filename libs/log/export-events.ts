import { topics } from '#libs/domain/event.js';
import type { EventLog, StoredRecord } from '#libs/log/event-log.js';

/** One event as CloudEvents JSON (one line of an export): what the ingest door takes back, byte for byte. */
export interface ExportedEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  readonly writer?: string;
  readonly data_base64: string;
}

function exported({ headers, value }: StoredRecord): ExportedEvent {
  const writer = headers['ce_writer'];
  return {
    specversion: '1.0',
    id: headers['ce_id'] ?? '',
    type: headers['ce_type'] ?? '',
    source: headers['ce_source'] ?? '',
    subject: headers['ce_subject'] ?? '',
    time: headers['ce_time'] ?? '',
    ...(writer !== undefined && { writer }),
    data_base64: Buffer.from(value).toString('base64'),
  };
}

/** API keys stay where they are: an export is for other people. */
const secret = /^runstream\.ApiKey/;

/**
 * Every event of the given runs (all runs when null) from the start of the log to its end as of now, in an order in which they can
 * be appended again: projects, then life of the runs, then telemetry.
 */
export async function* exportEvents(
  log: EventLog,
  runs: ReadonlySet<string> | null,
  signal: AbortSignal,
): AsyncGenerator<ExportedEvent> {
  for (const topic of topics) {
    for (let partition = 0; partition < log.partitionCount(topic); partition++) {
      for await (const records of log.read({ topic, partition }, 0, { follow: false, signal })) {
        for (const record of records) {
          if (secret.test(record.headers['ce_type'] ?? '')) continue;
          if (topic === 'catalog' ? runs === null : runs === null || runs.has(record.headers['ce_subject'] ?? ''))
            yield exported(record);
        }
      }
    }
  }
}
