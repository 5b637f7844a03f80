import { type EventData, type EventHead, type EventName, type Topic, type Writer } from '#libs/domain/event.js';
import { topicOf } from '#libs/domain/event-table.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';

const emptyData: Partial<Record<EventName, object>> = {
  ProjectCreated: { description: '', tags: {}, world: '', title: '' },
  RunStarted: {
    project: '',
    name: '',
    group: '',
    jobType: '',
    user: '',
    notes: '',
    tags: {},
    params: [],
    environment: null,
    worldSize: 1,
    launch: '',
    fromStep: 0,
    hasFromStep: false,
    costPerHour: 0,
    labels: [],
  },
  RunResumed: { attempt: 0, launch: '', fromStep: 0, hasFromStep: false, worldSize: 0, environment: null },
  RunFinished: { state: 'finished', reason: '', lastTelemetrySeq: 0, lastRunsSeq: 0, exitCode: 0, wholeRun: false },
  ParamsLogged: { params: [], immutable: false },
  TagsSet: { tags: {}, removed: [], labels: [], labelsRemoved: [] },
};
/** Payload with every field at its zero value. */
export const emptyDataOf = (name: EventName): object => emptyData[name] ?? {};

type Extra = Partial<Pick<EventHead, 'id' | 'writer' | 'reply' | 'timeMs'>>;

/** A log in memory for specs: records by partition, in order, one partition per topic. */
export function examples(): {
  add<Name extends EventName>(name: Name, subject: string, data?: Partial<EventData[Name]>, extra?: Extra): void;
  points(run: string, writer: Writer, keys: string[], steps: number[], values: number[]): void;
  garbage(topic: Topic): void;
  partitions(): ReadonlyMap<PartitionId, readonly StoredRecord[]>;
} {
  const partitions = new Map<Topic, { id: PartitionId; records: StoredRecord[] }>();
  let count = 0;
  const of = (topic: Topic): StoredRecord[] => {
    let part = partitions.get(topic);
    if (!part) partitions.set(topic, (part = { id: { topic, partition: 0 }, records: [] }));
    return part.records;
  };
  const add = <Name extends EventName>(
    name: Name,
    subject: string,
    data: Partial<EventData[Name]> = {},
    extra: Extra = {},
  ): void => {
    const head = { id: `e${++count}`, source: 'spec', subject, timeMs: count, writer: null, reply: false, ...extra };
    const record = toRecord(encodeEvent(head, name, { ...emptyDataOf(name), ...data } as EventData[Name]), () => 1);
    const records = of(topicOf(name));
    records.push({ ...record, offset: records.length, appendedAt: count });
  };
  return {
    add,
    points: (run, writer, keys, steps, values) =>
      add(
        'PointsLogged',
        run,
        {
          blocks: [
            {
              keys,
              steps: Float64Array.from(steps),
              times: null,
              values: Float64Array.from(values),
              everyValue: false,
            },
          ],
        },
        // a retry of a sender repeats the time as well
        { writer, timeMs: writer.seq },
      ),
    garbage: (topic) => {
      const records = of(topic);
      records.push({
        topic,
        partition: 0,
        key: 'k',
        headers: { ce_type: 'nonsense' },
        value: new Uint8Array([1, 2]),
        offset: records.length,
        appendedAt: ++count,
      });
    },
    partitions: () => new Map([...partitions.values()].map(({ id, records }) => [id, records])),
  };
}
