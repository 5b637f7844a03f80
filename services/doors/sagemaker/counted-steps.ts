import type { Backend } from '#libs/backend/backend.js';
import type { CommandLog } from '../shared/command-log.js';

const knownMax = 50_000;

/** Steps of points that came without one: counted in the order in which they come, on from what is there already. */
export class CountedSteps {
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly backend: Backend,
    private readonly log: CommandLog,
  ) {}

  async next(run: string, key: string): Promise<number> {
    const name = `${run} ${key}`;
    const step = (this.log.shared ? undefined : this.counts.get(name)) ?? (await this.stored(run, key));
    if (this.counts.size > knownMax) this.counts.clear();
    this.counts.set(name, step + 1);
    return step;
  }

  private async stored(run: string, key: string): Promise<number> {
    await this.log.subjectsSettled([run]);
    const rows = (await this.backend.runTable.summaries([run], [key])).get(run) ?? [];
    const { count, lastStep } = rows.find((row) => row.key === key) ?? { count: 0, lastStep: -1 };
    return Math.max(count, lastStep + 1, this.counts.get(`${run} ${key}`) ?? 0);
  }
}
