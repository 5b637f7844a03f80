import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventData, EventName, Topic, Writer } from '#libs/domain/event.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import type { Projection, ProjectionFamily } from '#libs/projecting/projection.js';

export interface OpenedFamily {
  readonly family: ProjectionFamily;
  close(): Promise<void>;
}

type Log = ReadonlyMap<Topic, readonly StoredRecord[]>;

const noRun = {
  project: 'p',
  name: '',
  group: '',
  jobType: '',
  user: '',
  notes: '',
  tags: {},
  params: [],
  environment: null,
  worldSize: 2,
  launch: 'l1',
  fromStep: 0,
  hasFromStep: false,
  costPerHour: 0,
  labels: [],
};

/** A log as tests make it: one partition per topic, offsets and times from the place in it. */
class Story {
  private readonly records = new Map<Topic, StoredRecord[]>();
  private count = 0;

  add<Name extends EventName>(name: Name, subject: string, writer: Writer | null, data: EventData[Name]): this {
    this.count += 1;
    const head = {
      id: `e${this.count}`,
      source: 'contract',
      subject,
      timeMs: 1_000 + this.count,
      writer,
      reply: false,
    };
    return this.push(toRecord(encodeEvent(head, name, data), () => 1));
  }
  push(record: Omit<StoredRecord, 'offset' | 'appendedAt'>): this {
    const records = this.records.get(record.topic) ?? [];
    this.records.set(record.topic, records);
    records.push({ ...record, offset: records.length, appendedAt: 2_000 + this.count });
    return this;
  }
  get log(): Log {
    return this.records;
  }
}

const points = (steps: readonly number[], value: number): EventData['PointsLogged'] => ({
  blocks: [
    {
      keys: ['loss', 'acc'],
      steps: Float64Array.from(steps),
      times: null,
      values: Float64Array.from([...steps, ...steps], (step) => step * value),
      everyValue: false,
    },
  ],
});

/** Texts logged together at one step. */
const said = (...texts: readonly string[]): EventData['ValuesLogged'] => ({
  values: texts.map((text, index) => ({
    ...{ key: 'said', step: 5, timeMs: 0, kind: 'text' as const, index, count: texts.length, mime: '', text },
    ...{ data: new Uint8Array(0), digest: '', sizeBytes: 0, caption: '', facts: { place: String(index) } },
  })),
  attemptStartedAtMs: 0,
  rewindTo: 0,
  hasRewindTo: false,
});

/** Two ranks of a run with params, a resume, steps and texts written again, a gap, lines, an end; and a second run that is deleted. */
function storyOf(): Story {
  const story = new Story().add('ProjectCreated', 'p', null, { description: '', tags: {}, world: '', title: '' });
  const writer = (rank: number, seq: number, attempt = 1): Writer => ({
    id: `w${rank}-${attempt}`,
    attempt,
    rank,
    seq,
  });
  for (const rank of [1, 0])
    story.add('RunStarted', 'a', writer(rank, 1), { ...noRun, params: [{ key: 'lr', json: '0.1' }] });
  for (let seq = 1; seq <= 12; seq++) {
    for (const rank of [0, 1])
      if (!(rank === 1 && seq === 7))
        story.add('PointsLogged', 'a', writer(rank, seq), points([seq * 3, seq * 3 + 1, seq * 3 + 2], rank + 1));
  }
  story.add('PointsLogged', 'a', writer(0, 13), points([6, 7], 9));
  story.add('ValuesLogged', 'a', writer(1, 13), said('one', 'two'));
  story.add('ValuesLogged', 'a', writer(1, 14), said('again'));
  story.add('RunStarted', 'a', writer(0, 1, 2), { ...noRun, launch: 'l2', hasFromStep: true, fromStep: 30 });
  story.add('PointsLogged', 'a', writer(0, 1, 2), points([30, 31], 5));
  story.add('LinesLogged', 'a', writer(0, 2, 2), {
    lines: [{ number: 1, stream: 'stdout', timeMs: 5, text: 'hello' }],
  });
  story.add('TagsSet', 'a', null, { tags: { team: 'x' }, removed: [], labels: ['l'], labelsRemoved: [] });
  story.add('RunStarted', 'b', writer(0, 1), noRun);
  story.add('PointsLogged', 'b', writer(0, 1), points([1], NaN));
  story.add('RunDeleted', 'b', null, {});
  addDoorEvents(story);
  story.add('RunFinished', 'a', writer(0, 2, 2), {
    state: 'finished',
    reason: '',
    lastTelemetrySeq: 2,
    lastRunsSeq: 2,
    exitCode: 0,
    wholeRun: false,
  });
  return story;
}

/** What only the doors of other trackers say; fields that are not given are absent in the record, as on the wire. */
function addDoorEvents(story: Story): void {
  const none = null;
  const add = <Name extends EventName>(name: Name, subject: string, data: Partial<EventData[Name]>): void => {
    story.add(name, subject, none, data as EventData[Name]);
  };
  add('ProjectCreated', 'q', { title: 'Q' });
  add('ProjectTagsSet', 'q', { tags: { a: 'b' } });
  add('ProjectRenamed', 'q', { title: 'R' });
  for (const name of ['m', 'n']) add('RegisteredModelCreated', name, { name });
  for (const source of ['s', 't']) add('ModelVersionCreated', 'm', { name: 'm', source });
  add('ModelVersionChanged', 'm', { name: 'm', version: 1, stage: 'Production' });
  add('RegisteredModelChanged', 'm', { name: 'm', aliases: { best: '2' } });
  add('RegisteredModelRenamed', 'm', { name: 'm', newName: 'k' });
  add('RegisteredModelDeleted', 'n', { name: 'n' });
  add('LoggedModelCreated', 'm-1', { project: 'p', name: 'model', params: [{ key: 'a', json: '1' }] });
  const metric = { key: 'acc', value: NaN, timeMs: 5, step: 2, datasetName: '', datasetDigest: '', run: 'a' };
  for (const run of ['a', 'a', 'b']) add('LoggedModelMeasured', 'm-1', { metrics: [{ ...metric, run }] });
  add('LoggedModelChanged', 'm-1', { status: 'READY' });
  const dataset = { name: 'd', digest: 'x', sourceType: '', source: '', schema: '', profile: '', tags: {} };
  for (const source of ['first', 'second']) add('InputsLogged', 'a', { datasets: [{ ...dataset, source }] });
  for (const step of [3, 4]) add('OutputsLogged', 'a', { models: [{ model: 'm-1', step }] });
  const file = { digest: `sha256:${'ab'.repeat(32)}`, sizeBytes: 3 };
  for (const path of ['x/a', 'x/b', 'x/a']) add('FileStored', 'a', { ...file, path, artifact: path });
  add('FileRemoved', 'a', { path: 'x/b', artifact: 'x/b' });
  add('SpansLogged', 'tr-1', { spans: ['{"spanId":"1"}'] });
  add('TraceLogged', 'tr-1', { project: 'p', timeMs: 4, state: 'OK' });
  add('TraceTagsSet', 'tr-1', { tags: { a: 'b' } });
  add('TraceLogged', 'tr-1', { project: 'p', timeMs: 2, fromSpans: true, tags: { a: 'c', d: 'e' } });
  for (const json of ['{"value":1}', '{"value":2}'])
    add('TraceAssessed', 'tr-1', { assessments: [{ key: 'a-1', json }] });
  add('TraceAssessed', 'tr-1', { removed: ['none'] });
  add('TraceLinked', 'tr-2', { runs: ['a'] });
  const { blocks } = points([1, 1], 3);
  const times = Float64Array.of(7, 8);
  for (const _ of [1, 2])
    add('PointsLogged', 'd', { blocks: blocks.map((each) => ({ ...each, times, everyValue: true })) });
  add('RunStarted', 'd', { project: 'q' });
  add('RunDeleted', 'd', {});
  add('RunRestored', 'd', {});
}

const partitionOf = (topic: Topic): PartitionId => ({ topic, partition: 0 });

/** Delivers the log partition by partition in the given order, cut after the given numbers of records, over and over. */
async function deliver(
  projection: Projection,
  log: Log,
  cuts: readonly number[],
  topics: readonly Topic[],
): Promise<void> {
  for (const topic of topics) {
    const records = log.get(topic) ?? [];
    const { epoch, position } = await projection.claim(partitionOf(topic));
    let cut = 0;
    for (let from = position; from < records.length;) {
      const to = Math.min(records.length, from + cuts[cut++ % cuts.length]!);
      expect(
        await projection.apply({ partition: partitionOf(topic), epoch, from, to, records: records.slice(from, to) }),
      ).toBe('applied');
      from = to;
    }
  }
}

/** What every projection promises: the laws 2, 3, 4, 6 and 9, whatever its store. */
export function describeProjectionFamily(name: string, open: () => Promise<OpenedFamily>): void {
  describe(`${name} as a projection family`, () => {
    const within = async (work: (family: ProjectionFamily) => Promise<void>): Promise<void> => {
      const opened = await open();
      try {
        await work(opened.family);
      } finally {
        await opened.close();
      }
    };

    it('gives the same state however the log is cut into batches and in whatever order its partitions come', () =>
      within(async (family) => {
        const { log } = storyOf();
        const live = await family.live();
        await deliver(live, log, [1_000], family.topics);
        const digest = await live.digest();
        let generation = live.generation;
        const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
        await fc.assert(
          fc.asyncProperty(
            cuts,
            fc.shuffledSubarray([...family.topics], { minLength: family.topics.length }),
            async (sizes, topics) => {
              const other = await family.openGeneration(++generation);
              await deliver(other, log, sizes, topics);
              expect(await other.digest()).toBe(digest);
              await family.drop(generation);
            },
          ),
          { numRuns: 6, seed: 4 },
        );
      }));

    it('sees any change of the log in its digest', () =>
      within(async (family) => {
        const live = await family.live();
        await deliver(live, storyOf().log, [1_000], family.topics);
        const other = await family.openGeneration(live.generation + 1);
        const longer = storyOf().add('PointsLogged', 'a', { id: 'w0-2', attempt: 2, rank: 0, seq: 3 }, points([32], 1));
        await deliver(other, longer.log, [1_000], family.topics);
        expect(await other.digest()).not.toBe(await live.digest());
      }));

    it('lets only the owner write, and takes a repeated batch of the owner for done', () =>
      within(async (family) => {
        const live = await family.live();
        const records = storyOf().log.get('telemetry')!;
        const partition = partitionOf('telemetry');
        const zombie = await live.claim(partition);
        const owner = await live.claim(partition);
        expect(owner.epoch).toBeGreaterThan(zombie.epoch);
        const batch = (epoch: number, from: number, to: number) => ({
          partition,
          epoch,
          from,
          to,
          records: records.slice(from, to),
        });
        // a zombie is right about the position: only its epoch gives it away
        expect(await live.apply(batch(zombie.epoch, 0, 4))).toBe('fenced');
        expect((await live.checkpoints()).get('telemetry/0')).toBe(0);
        expect(await live.apply(batch(owner.epoch, 0, 4))).toBe('applied');
        const digest = await live.digest();
        expect(await live.apply(batch(zombie.epoch, 0, 4))).toBe('fenced');
        expect(await live.apply(batch(owner.epoch, 0, 4))).toBe('applied');
        expect(await live.apply(batch(owner.epoch, 6, 8))).toBe('stale');
        // rows of a zombie or from elsewhere are the same rows, or none: a store without transactions may have written them
        expect((await live.checkpoints()).get('telemetry/0')).toBe(4);
        await deliver(live, storyOf().log, [5], family.topics);
        const straight = await family.openGeneration(live.generation + 1);
        await deliver(straight, storyOf().log, [1_000], family.topics);
        expect(await live.digest()).toBe(await straight.digest());
        expect(digest).not.toBe(await live.digest());
      }));

    it('takes nothing while it is held, from owners or newcomers, and goes on when it is let go', () =>
      within(async (family) => {
        const live = await family.live();
        const records = storyOf().log.get('telemetry')!.slice(0, 4);
        const partition = partitionOf('telemetry');
        const batch = (epoch: number) => ({ partition, epoch, from: 0, to: 4, records });
        const owner = await live.claim(partition);
        const held = (await live.hold(60_000)).get('telemetry/0')!;
        expect(held.position).toBe(0);
        expect(await live.apply(batch(owner.epoch))).toBe('fenced');
        await expect(live.claim(partition)).rejects.toMatchObject({ name: 'Unavailable' });
        expect(await live.hold(60_000)).toEqual(new Map([['telemetry/0', held]]));
        expect(await live.apply(batch(held.epoch))).toBe('applied');
        await live.hold(0);
        expect(await live.apply({ ...batch(held.epoch), from: 4, to: 5 })).toBe('fenced');
        expect((await live.claim(partition)).position).toBe(4);
      }));

    it('goes past what it can not read, and applies its neighbours', () =>
      within(async (family) => {
        const story = storyOf();
        const damaged = new Story();
        for (const records of story.log.values()) {
          records.forEach((record, index) => {
            if (index === 2) damaged.push({ ...record, value: Buffer.from('\xff\xff\xff not protobuf', 'latin1') });
            if (index === 3)
              damaged.push({ ...record, headers: { ...record.headers, ce_type: 'runstream.Unheard.v7' } });
            damaged.push(record);
          });
        }
        const live = await family.live();
        await deliver(live, damaged.log, [3], family.topics);
        for (const topic of family.topics)
          expect((await live.checkpoints()).get(`${topic}/0`)).toBe(damaged.log.get(topic)!.length);
      }));

    it('tells the checkpoints of each generation, and none of one that is not there', () =>
      within(async (family) => {
        const live = await family.live();
        await deliver(live, storyOf().log, [1_000], family.topics);
        const next = await family.openGeneration(live.generation + 1);
        expect(await family.checkpointsOf(live.generation)).toEqual(await live.checkpoints());
        expect([...(await family.checkpointsOf(next.generation)).values()].filter((position) => position > 0)).toEqual(
          [],
        );
        expect(await family.checkpointsOf(live.generation + 7)).toEqual(new Map());
        // opened again, it is what it was
        await deliver(next, storyOf().log, [1_000], family.topics);
        const again = await family.openGeneration(next.generation);
        expect([await again.digest(), await again.checkpoints()]).toEqual([
          await live.digest(),
          await live.checkpoints(),
        ]);
      }));

    it('lets one process at a time mend it', () =>
      within(async (family) => {
        await family.live();
        expect(await family.lease('a', 60_000)).toBe(true);
        expect([await family.lease('b', 60_000), await family.lease('a', 60_000)]).toEqual([false, true]);
        await family.lease('a', 0);
        expect(await family.lease('b', 60_000)).toBe(true);
      }));

    it('makes another generation live at once, keeps the old one, and drops only what is not live', () =>
      within(async (family) => {
        const live = await family.live();
        const next = live.generation + 1;
        await family.openGeneration(next);
        await expect(family.drop(live.generation)).rejects.toMatchObject({ name: 'Rejection' });
        await family.switchTo(next);
        expect((await family.live()).generation).toBe(next);
        expect((await family.generations()).all).toContain(live.generation);
        await family.drop(live.generation);
        expect(await family.generations()).toEqual({ live: next, all: [next] });
      }));
  });
}
