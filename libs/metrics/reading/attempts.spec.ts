import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { points, range, type SomeEvent } from '../test/event-batches.js';
import { openMetricsRig, replay, type MetricsRig } from '../test/metrics-rig.js';

let rig: MetricsRig;
beforeAll(async () => {
  rig = await openMetricsRig();
});
afterAll(() => rig.close());

interface Part {
  readonly attempt: number;
  readonly rank: number;
  readonly from: number;
  readonly count: number;
  readonly stride: number;
}
interface Told {
  /** By attempt, from 1. */
  readonly began: readonly number[];
  readonly rewinds: readonly (number | null)[];
  readonly parts: readonly Part[];
}

const attemptsMax = 3;
const told = fc.record({
  began: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: attemptsMax, maxLength: attemptsMax }),
  rewinds: fc.array(fc.option(fc.integer({ min: 0, max: 3_000 }), { freq: 4 }), {
    minLength: attemptsMax,
    maxLength: attemptsMax,
  }),
  parts: fc.array(
    fc.record({
      attempt: fc.integer({ min: 1, max: attemptsMax }),
      rank: fc.integer({ min: 0, max: 1 }),
      from: fc.integer({ min: -10, max: 2_000 }),
      count: fc.integer({ min: 1, max: 1_500 }),
      stride: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

const stepsOf = ({ from, count, stride }: Part): number[] => range(0, count).map((index) => from + index * stride);
const valueOf = (attempt: number, seq: number, step: number): number => attempt * 1e6 + seq * 1e4 + step;

function eventsOf(run: string, { began, rewinds, parts }: Told): SomeEvent[] {
  return parts.map((part, index) =>
    points({
      run,
      seq: index + 1,
      attempt: part.attempt,
      rank: part.rank,
      steps: stepsOf(part),
      values: { loss: stepsOf(part).map((step) => valueOf(part.attempt, index, step)) },
      startedAt: began[part.attempt - 1]!,
      ...(rewinds[part.attempt - 1] === null ? {} : { rewindTo: rewinds[part.attempt - 1]! }),
    }),
  );
}

/** What a user expects to see, the plain way: (rank, step, value), in order. */
function expected({ began, rewinds, parts }: Told, attemptMax = Infinity): number[][] {
  const written = [...new Set(parts.map(({ attempt }) => attempt))];
  const inOrder = written.sort((a, b) => began[a - 1]! - began[b - 1]! || a - b);
  const until = inOrder.indexOf(attemptMax);
  const seen = new Map<string, number[]>();
  for (const attempt of until === -1 ? inOrder : inOrder.slice(0, until + 1)) {
    const rewind = rewinds[attempt - 1];
    if (rewind !== null) for (const [name, row] of seen) if (row[1]! >= rewind!) seen.delete(name);
    parts.forEach((part, index) => {
      if (part.attempt !== attempt) return;
      for (const step of stepsOf(part))
        seen.set(`${part.rank} ${step}`, [part.rank, step, valueOf(attempt, index, step)]);
    });
  }
  return [...seen.values()].sort((a, b) => a[1]! - b[1]! || a[0]! - b[0]!);
}

it('shows of any attempts what a later one did not log again and no one went back behind, in pages, charts and SQL', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(told, fc.integer({ min: 1, max: 3 }), async (story, batchEvents) => {
      const run = `run-${++count}`;
      rig.log.push(...eventsOf(run, story));
      await replay(await rig.family.live(), rig.log, batchEvents);
      const rows = expected(story);

      const page = await rig.store.points({ run, key: 'loss', first: 100_000 });
      expect(Array.from(page.step, (step, i) => [page.rank[i]!, step, page.value[i]!])).toEqual(rows);

      const sql = await rig.client.query(
        `SELECT rank, toFloat64(step) AS at, value FROM points WHERE run = '${run}' ORDER BY step, rank`,
      );
      const inSql =
        sql.rows === 0 ? [] : Array.from(sql.f64('at'), (at, i) => [sql.u32('rank')[i]!, at, sql.f64('value')[i]!]);
      expect(inSql).toEqual(rows);

      for (const buckets of [10_000, 6, 1]) {
        const series = await rig.store.series({ run, keys: ['loss'], x: 'step', buckets });
        for (const rank of [0, 1]) {
          const of = rows.filter((row) => row[0] === rank).map((row) => row[2]!);
          const found = series.find((one) => one.rank === rank);
          const sum = found?.count.reduce((total, n) => total + n, 0) ?? 0;
          expect([buckets, rank, sum]).toEqual([buckets, rank, of.length]);
          if (!found) continue;
          expect([Math.min(...found.min), Math.max(...found.max)]).toEqual([Math.min(...of), Math.max(...of)]);
          expect([found.first[0], found.last.at(-1)]).toEqual([of[0], of.at(-1)]);
        }
      }

      const { attempt } = story.parts[0]!;
      const inherited = await rig.store.series({
        run,
        keys: ['loss'],
        x: 'step',
        buckets: 10_000,
        attemptMax: attempt,
      });
      const points_ = inherited.reduce((total, one) => total + one.count.reduce((sum, n) => sum + n, 0), 0);
      expect(points_).toBe(expected(story, attempt).length);
    }),
    { numRuns: 25 },
  );
});

it('is the same state however the log is cut and in whatever order attempts arrive', async () => {
  await fc.assert(
    fc.asyncProperty(told, fc.integer({ min: 1, max: 4 }), async (story, batchEvents) => {
      const events = eventsOf('r', story);
      const digests: string[] = [];
      for (const [log, cut] of [
        [events, Infinity],
        [[...events].reverse(), batchEvents],
      ] as const) {
        const generation = Math.max(...(await rig.family.generations()).all) + 1;
        const projection = await rig.family.openGeneration(generation);
        await replay(projection, log, cut);
        digests.push(await projection.digest());
        await rig.family.drop(generation);
      }
      expect(digests[1]).toBe(digests[0]);
    }),
    { numRuns: 5 },
  );
});
