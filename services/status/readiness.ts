import type { Backend } from '#libs/backend/backend.js';
import { topics } from '#libs/domain/event.js';
import { projectionLags, type ProjectionLag } from '#libs/projecting/projector.js';

export interface Awaited {
  readonly what: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}
export interface SeenProjection extends ProjectionLag {
  readonly lag: number;
  readonly claimed: boolean;
}
export interface Readiness {
  readonly ready: boolean;
  readonly waiting: readonly Awaited[];
  readonly projections: readonly SeenProjection[];
}
export interface ReadinessTimes {
  readonly lookEveryMs: number;
  /** A look that takes longer is not waited for: what was seen last is told. */
  readonly answerWithinMs: number;
  /** Somebody who does not answer a look for this long is waited for. */
  readonly silentAfterMs: number;
  /** Records are there and the position does not move: nobody applies them. */
  readonly stalledAfterMs: number;
}
const defaults: ReadinessTimes = {
  lookEveryMs: 2_000,
  answerWithinMs: 700,
  silentAfterMs: 4_000,
  stalledAfterMs: 30_000,
};

type Watched = Pick<Backend, 'configuration' | 'families' | 'log' | 'progress' | 'notices' | 'clock'>;

/**
 * What this process waits for and since when. It looks by itself, because what it looks at may not answer; whoever asks gets what was seen
 * last, and soon.
 */
export class ReadinessWatch {
  #projections: readonly SeenProjection[] = [];
  readonly #since = new Map<string, { readonly at: number; reason: string }>();
  readonly #moved = new Map<string, { position: number; at: number }>();
  readonly #looks: readonly Look[];

  constructor(
    private readonly backend: Watched,
    private readonly times: ReadinessTimes = defaults,
  ) {
    const reads = ['projector', 'gateway'].some((role) => backend.configuration.roles.includes(role as never));
    this.#looks = [
      new Look('the log', times, backend.clock, () => Promise.all(topics.map((topic) => backend.log.ranges(topic)))),
      ...(reads ? [new Look('the stores', times, backend.clock, () => this.#lookAtProjections())] : []),
    ];
  }

  /** Looks at once; what does not answer soon is told as it was. */
  async read(): Promise<Readiness> {
    await Promise.all(this.#looks.map((look) => look.soon()));
    const waiting = this.#waiting();
    return { ready: waiting.length === 0, waiting, projections: this.#projections };
  }

  close(): void {
    for (const look of this.#looks) look.close();
  }

  async #lookAtProjections(): Promise<void> {
    const { families, log, progress, clock } = this.backend;
    const lags = await Promise.all(families.map(async (family) => projectionLags(log, await family.live(), progress)));
    this.#projections = lags.flat().map((lag) => ({
      ...lag,
      lag: Math.max(0, lag.end - lag.position),
      claimed: progress.position(lag.projection, lag.partition) !== undefined,
    }));
    for (const { projection, partition, position, lag } of this.#projections) {
      const name = `${projection} ${partition}`;
      const moved = this.#moved.get(name);
      if (!moved || moved.position !== position || lag === 0) this.#moved.set(name, { position, at: clock() });
    }
  }

  #waiting(): readonly Awaited[] {
    const reasons = new Map<string, string>();
    for (const look of this.#looks) {
      const reason = look.reason();
      if (reason !== null) reasons.set(look.what, reason);
    }
    const problem = this.backend.log.problem?.() ?? null;
    if (problem !== null) reasons.set('the log', problem);
    for (const projection of this.#projections) {
      const reason = this.#reasonOf(projection);
      if (reason !== null) reasons.set(`${projection.projection} ${projection.partition}`, reason);
    }
    const now = this.backend.clock();
    for (const what of this.#since.keys()) if (!reasons.has(what)) this.#since.delete(what);
    const waiting = [...reasons].map(([what, reason]) => {
      const known = this.#since.get(what) ?? { at: now, reason };
      this.#since.set(what, known);
      return { what, reason, since: new Date(known.at).toISOString() };
    });
    const broken = this.backend.notices.all().filter(({ unready }) => unready);
    return [...waiting, ...broken.map(({ what, detail, since }) => ({ what, reason: detail, since }))];
  }

  #reasonOf({ projection, partition, waiting, claimed, lag, position }: SeenProjection): string | null {
    if (waiting !== null) return waiting;
    if (!claimed) return 'no projector has claimed it yet';
    const { lagMax } = this.backend.configuration;
    if (lagMax > 0 && lag > lagMax) return `${lag} records behind, more than RUNSTREAM_LAG_MAX=${lagMax}`;
    const moved = this.#moved.get(`${projection} ${partition}`);
    const stillMs = this.backend.clock() - (moved?.at ?? Infinity);
    if (lag === 0 || stillMs < this.times.stalledAfterMs) return null;
    return `${lag} records behind and at ${position} since ${new Date(moved!.at).toISOString()}: no projector applies them`;
  }
}

/** One thing that is looked at again and again, never twice at once. */
class Look {
  #looking: Promise<void> | null = null;
  #askedAt = 0;
  #error: string | null = null;
  readonly #timer: NodeJS.Timeout;

  constructor(
    readonly what: string,
    private readonly times: ReadinessTimes,
    private readonly clock: () => number,
    private readonly look: () => Promise<unknown>,
  ) {
    this.#timer = setInterval(() => void this.#run(), times.lookEveryMs).unref();
    void this.#run();
  }

  async soon(): Promise<void> {
    const before = this.#looking;
    const fresh = before ? before.then(() => this.#run()) : this.#run();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.times.answerWithinMs)));
    await Promise.race([fresh, late]);
    clearTimeout(timer);
  }

  /** Null: it answered the last time it was asked. */
  reason(): string | null {
    const silent = this.#looking !== null && this.clock() - this.#askedAt > this.times.silentAfterMs;
    if (silent) return `no answer since ${new Date(this.#askedAt).toISOString()}`;
    return this.#error;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #run(): Promise<void> {
    if (this.#looking) return this.#looking;
    this.#askedAt = this.clock();
    const looking = this.look()
      .then(
        () => (this.#error = null),
        (error: unknown) => (this.#error = (error as Error).message),
      )
      .then(() => {
        this.#looking = null;
      });
    return (this.#looking = looking);
  }
}
