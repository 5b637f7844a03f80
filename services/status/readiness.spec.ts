import { describe, expect, it } from 'vitest';
import { Notices } from '#libs/observability/notices.js';
import { ReadinessWatch, type Readiness } from './readiness.js';

const times = { lookEveryMs: 3_600_000, answerWithinMs: 50, silentAfterMs: 4_000, stalledAfterMs: 30_000 };

/** A gateway over one partition of one projection, all of which a test sets by hand. */
class Watched {
  now = 1_000_000;
  position: number | undefined = 0;
  end = 0;
  problem: string | null = null;
  waiting: string | null = null;
  answers = true;
  readonly notices = new Notices(() => this.now);
  readonly watch: ReadinessWatch;

  constructor(lagMax: number) {
    const ranges = (topic: string) =>
      this.answers
        ? Promise.resolve(topic === 'telemetry' ? [{ topic, partition: 0, start: 0, end: this.end }] : [])
        : new Promise<never>(() => undefined);
    const live = { name: 'points', generation: 1, topics: ['telemetry'] };
    this.watch = new ReadinessWatch(
      {
        configuration: { roles: ['gateway'], lagMax },
        families: [{ name: 'points', live: () => Promise.resolve(live) }],
        log: { ranges, problem: () => this.problem },
        progress: { position: () => this.position, waitingReason: () => this.waiting },
        notices: this.notices,
        clock: () => this.now,
      } as unknown as ConstructorParameters<typeof ReadinessWatch>[0],
      times,
    );
  }

  async after(ms: number): Promise<readonly string[]> {
    this.now += ms;
    return reasons(await this.watch.read());
  }
}
const reasons = ({ ready, waiting }: Readiness): readonly string[] => {
  expect(ready).toBe(waiting.length === 0);
  return waiting.map(({ what, reason }) => `${what}: ${reason}`);
};

describe('readiness', () => {
  it('is there when all is applied, and says a partition that nobody has claimed', async () => {
    const seen = new Watched(0);
    expect(await seen.after(0)).toEqual([]);
    seen.position = undefined;
    expect(await seen.after(1)).toEqual(['points telemetry/0: no projector has claimed it yet']);
    seen.waiting = 'disk full';
    expect(await seen.after(1)).toEqual(['points telemetry/0: disk full']);
  });

  it('is lost beyond the lag limit and comes back within it; without a limit lag alone is no reason', async () => {
    const [limited, free] = [new Watched(5), new Watched(0)];
    for (const seen of [limited, free]) seen.end = 6;
    expect(await limited.after(1)).toEqual(['points telemetry/0: 6 records behind, more than RUNSTREAM_LAG_MAX=5']);
    expect(await free.after(1)).toEqual([]);
    limited.position = 1;
    expect(await limited.after(1)).toEqual([]);
  });

  it('is lost when records wait and the position has not moved for long, not while it moves', async () => {
    const seen = new Watched(0);
    await seen.after(0);
    seen.end = 10;
    for (let i = 1; i <= 4; i++) {
      seen.position = i;
      expect(await seen.after(20_000)).toEqual([]);
    }
    expect(await seen.after(29_000)).toEqual([]);
    expect(await seen.after(2_000)).toEqual([
      expect.stringMatching(/^points telemetry\/0: 6 records behind and at 4 since/),
    ]);
    seen.position = 5;
    expect(await seen.after(1)).toEqual([]);
  });

  it('does not count the time before the first record came', async () => {
    const seen = new Watched(0);
    await seen.after(0);
    expect(await seen.after(3_600_000)).toEqual([]);
    seen.end = 1;
    expect(await seen.after(1)).toEqual([]);
  });

  it('answers soon while nothing behind it does, and says since when; the time stays that of the first look', async () => {
    const seen = new Watched(0);
    await seen.after(0);
    seen.answers = false;
    await seen.after(0);
    expect(await seen.after(5_000)).toEqual([
      expect.stringMatching(/^the log: no answer since 1970/),
      expect.stringMatching(/^the stores: no answer since/),
    ]);
    const [first] = (await seen.watch.read()).waiting;
    seen.now += 60_000;
    expect((await seen.watch.read()).waiting[0]!.since).toBe(first!.since);
  });

  it('says what the log itself says, and notices that make it unready', async () => {
    const seen = new Watched(0);
    seen.problem = 'a topic was grown';
    seen.notices.put('a', 'only told');
    seen.notices.put('b', 'tables are made again', { unready: true });
    expect(await seen.after(1)).toEqual(['the log: a topic was grown', 'b: tables are made again']);
    seen.problem = null;
    seen.notices.over('b');
    expect(await seen.after(1)).toEqual([]);
  });
});
