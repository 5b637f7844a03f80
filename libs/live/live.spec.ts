import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventHead } from '#libs/domain/event.js';
import { abortableSource } from '#libs/live/abortable-source.js';
import { LogTail } from '#libs/live/log-tail.js';
import { MetricFrames, type MetricFramesQuery } from '#libs/live/metric-frames.js';
import type { FrameSeries, MetricFrame } from '#libs/live/metric-frame.js';
import { subscribeRunChanges } from '#libs/live/run-changes.js';
import { subscribeRunLines } from '#libs/live/run-lines.js';
import type { EventLog, StoredRecord } from '#libs/log/event-log.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';

let dir: string;
let log: EventLog;
let tail: LogTail;
let stop: AbortController;
const failures: unknown[] = [];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'live-'));
  log = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 1, telemetry: 2 }, clock: Date.now });
  tail = new LogTail(log, (error) => failures.push(error));
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await log.close();
  rmSync(dir, { recursive: true });
  expect(failures).toEqual([]);
});

let seq = 0;
const head = (run: string, rank = 0): EventHead => ({
  id: `e${++seq}`,
  source: 'test',
  subject: run,
  timeMs: 1_000 + seq,
  writer: { id: `w${rank}`, attempt: 1, rank, seq },
  reply: false,
});
const points = (run: string, step: number, value: number, rank = 0) =>
  log.append([
    toRecord(
      encodeEvent(head(run, rank), 'PointsLogged', {
        blocks: [
          {
            keys: ['loss'],
            steps: Float64Array.of(step),
            times: null,
            values: Float64Array.of(value),
            everyValue: false,
          },
        ],
      }),
      (topic) => log.partitionCount(topic),
    ),
  ]);
const both = [
  { topic: 'telemetry', partition: 0 },
  { topic: 'telemetry', partition: 1 },
] as const;
const query = (after?: string): MetricFramesQuery => ({ run: 'r', partitions: both, after });
const empty = () =>
  Promise.resolve({
    contains: new Map([
      ['telemetry/0', 0],
      ['telemetry/1', 0],
    ]),
    series: [] as FrameSeries[],
  });

/** What a viewer's chart holds: upserted by (key, rank, step). */
class Viewer {
  readonly seen = new Map<string, unknown>();
  cursor = '';
  snapshots = 0;
  constructor(readonly source: AsyncIterableIterator<MetricFrame>) {}
  async until(count: number): Promise<void> {
    while (this.seen.size < count) {
      const { value, done } = await this.source.next();
      if (done) throw new Error('the source has ended');
      const frame = value;
      this.cursor = frame.cursor;
      if (frame.snapshot) this.snapshots += 1;
      for (const { key, rank, step, value: values } of frame.series)
        step.forEach((s, i) => this.seen.set(`${key} ${rank} ${s}`, values[i]));
    }
  }
}

describe('metric frames', () => {
  it('bring the snapshot and everything after it to every viewer, without a gap', async () => {
    for (let step = 0; step < 20; step++) await points('r', step, step, step % 3);
    const frames = new MetricFrames(log, tail, empty);
    const viewers = [new Viewer(frames.subscribe(query())), new Viewer(frames.subscribe(query()))];
    const seen = Promise.all(viewers.map((viewer) => viewer.until(200)));
    for (let step = 20; step < 200; step++) {
      await points('r', step, step, step % 3);
      await points('other', step, -1);
    }
    await seen;
    for (const viewer of viewers) {
      expect(viewer.snapshots).toBe(1);
      for (let step = 0; step < 200; step++) expect(viewer.seen.get(`loss ${step % 3} ${step}`)).toBe(step);
      await viewer.source.return!();
    }
  });

  it('go on from the cursor of the last frame', async () => {
    const frames = new MetricFrames(log, tail, empty);
    const first = new Viewer(frames.subscribe(query()));
    await points('r', 0, 0);
    await first.until(1);
    await first.source.return!();
    for (let step = 1; step < 50; step++) await points('r', step, step);
    const second = new Viewer(frames.subscribe(query(first.cursor)));
    await second.until(49);
    expect(second.snapshots).toBe(0);
    expect([...second.seen.keys()]).not.toContain('loss 0 0');
    await second.source.return!();
  });

  it('give a viewer that fell behind what is kept a new snapshot instead of a queue', async () => {
    let asked = 0;
    const stored: FrameSeries = { key: 'loss', rank: 0, attempt: 1, step: [], value: [], time: [] };
    const snapshot = () => {
      asked += 1;
      return Promise.resolve({
        contains: new Map([
          ['telemetry/0', 0],
          ['telemetry/1', 0],
        ]),
        series: [stored],
      });
    };
    const frames = new MetricFrames(log, tail, snapshot, { tickMs: 1, keptPointsMax: 10, keptFramesMax: 4 });
    const slow = new Viewer(frames.subscribe(query()));
    await points('r', 0, 0);
    await slow.until(1);
    for (let step = 1; step < 60; step++) {
      await points('r', step, step);
      if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await slow.until(60);
    expect(asked).toBeGreaterThan(1);
    for (let step = 0; step < 60; step++) expect(slow.seen.get(`loss 0 ${step}`)).toBe(step);
    await slow.source.return!();
  });

  it('keep NaN and the infinities apart', async () => {
    const frames = new MetricFrames(log, tail, empty);
    const viewer = new Viewer(frames.subscribe(query()));
    for (const [step, value] of [NaN, Infinity, -Infinity].entries()) await points('r', step, value);
    await viewer.until(3);
    expect([...viewer.seen.values()]).toEqual(['NaN', 'Infinity', '-Infinity']);
    await viewer.source.return!();
  });

  it('choose series by key and rank', async () => {
    const frames = new MetricFrames(log, tail, empty);
    const viewer = new Viewer(frames.subscribe({ ...query(), ranks: [1], keys: ['loss'] }));
    const seen = viewer.until(1);
    await points('r', 5, 1, 0);
    await points('r', 6, 1, 1);
    await seen;
    expect([...viewer.seen.keys()]).toEqual(['loss 1 6']);
    await viewer.source.return!();
  });
});

describe('the tail of the log', () => {
  it('lets a late watcher catch up and join, each record once and in order', async () => {
    const seen: number[] = [];
    const early: number[] = [];
    const collect = (into: number[]) => (records: readonly StoredRecord[]) =>
      into.push(...records.map(({ offset }) => offset));
    const partition = both[0];
    await tail.watch(partition, undefined, collect(early), stop.signal);
    const writing = (async () => {
      for (let i = 0; i < 400; i++)
        await log.append([{ ...partition, key: 'k', headers: {}, value: Buffer.alloc(100) }]);
    })();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await tail.watch(partition, 0, collect(seen), stop.signal);
    await writing;
    await expect.poll(() => seen.length).toBe(400);
    expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(early).toEqual(seen);
  });
});

describe('a source of a leaving subscriber', () => {
  it('ends a waiting next at once', async () => {
    const source = subscribeRunLines(tail, { run: 'r', partitions: both });
    const waiting = source.next();
    await source.return!();
    expect((await waiting).done).toBe(true);
  });

  it('passes an error of its inner iterable on', async () => {
    const source = abortableSource(async function* (): AsyncGenerator<number> {
      throw new Error('broken');
    });
    await expect(source.next()).rejects.toThrow('broken');
  });
});

describe('changes of runs', () => {
  it('announce a run once however many events it had, after the tables contain them', async () => {
    const settled: string[] = [];
    const source = subscribeRunChanges(tail, {
      partitions: [{ topic: 'runs', partition: 0 }],
      settled: (token) => {
        settled.push(String(token.get('runs/0')));
        return Promise.resolve();
      },
    });
    const first = source.next();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const note = (run: string) =>
      toRecord(encodeEvent(head(run), 'NoteSet', { text: 'x' }), (topic) => log.partitionCount(topic));
    await log.append([note('a'), note('a'), note('b')]);
    const { value } = (await first) as { value: { runs: string[]; cursor: string } };
    expect(value.runs).toEqual(['a', 'b']);
    expect(settled).toEqual(['3']);
    expect(value.cursor).toBe('runs/0@3');
    await source.return!();
  });
});

describe('console lines', () => {
  it('come with rank, writer and number, and resume by cursor', async () => {
    const source = subscribeRunLines(tail, { run: 'r', partitions: both });
    const first = source.next();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const say = (text: string, number: number) =>
      log.append([
        toRecord(
          encodeEvent(head('r', 3), 'LinesLogged', { lines: [{ number, stream: 'stderr', timeMs: 0, text }] }),
          (topic) => log.partitionCount(topic),
        ),
      ]);
    await say('hello', 1);
    const { value } = (await first) as { value: { lines: unknown[]; cursor: string } };
    expect(value.lines).toMatchObject([
      { rank: 3, attempt: 1, writer: 'w3', number: 1, stream: 'stderr', text: 'hello' },
    ]);
    await source.return!();
    await say('again', 2);
    const resumed = subscribeRunLines(tail, { run: 'r', partitions: both, after: value.cursor });
    const { value: next } = (await resumed.next()) as { value: { lines: { text: string }[] } };
    expect(next.lines.map(({ text }) => text)).toEqual(['again']);
    await resumed.return!();
  });
});
