import { setTimeout as sleep } from 'node:timers/promises';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import type { Logger } from '#libs/observability/logger.js';
import type { ApplyOutcome, ProjectedBatch, ProjectionFamily } from '#libs/projecting/projection.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { runProjector } from '#libs/projecting/projector.js';

export const projectionPattern = (family: string): string => `projection:${family}`;

/** How soon a projector follows when another process has made another generation live. */
const switchWatchMs = 1_000;
const startAgainMs = 1_000;

interface Running {
  readonly generation: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/**
 * Nest's transport over the EventLog port: each controller method whose pattern is a projection is handed whole batches by the one
 * projector loop. There is no per-message delivery and nothing is answered.
 */
export class EventLogTransport extends Server implements CustomTransportStrategy {
  private readonly running = new Map<string, Running>();
  private watching: NodeJS.Timeout | null = null;
  private readonly stopping = new AbortController();
  private readonly closed = this.stopping.signal;

  constructor(
    private readonly backend: Backend,
    private readonly instruments: Instruments,
    private readonly log: Logger,
    /** Called when a projection fails for a reason that waiting can't mend. */
    private readonly onFailure: (family: string, error: unknown) => void,
  ) {
    super();
  }

  listen(callback: () => void): void {
    void this.startAll().then(callback, (error: unknown) => this.onFailure('start', error));
  }

  async close(): Promise<void> {
    this.stopping.abort();
    if (this.watching) clearTimeout(this.watching);
    this.watching = null;
    await Promise.all(this.backend.families.map((family) => this.stopFamily(family.name)));
  }

  /** Part of the Server contract for clients that listen to its events; this transport emits none. */
  on(): void {
    throw new Error('the event log transport emits no events');
  }

  unwrap<T>(): T {
    return this.backend.log as T;
  }

  /** Stops one projection's loop; resolves when its last batch is done. Starting again goes on with whatever generation is live. */
  async pause(family: string): Promise<() => Promise<void>> {
    await this.stopFamily(family);
    return async () => {
      const known = this.backend.families.find((candidate) => candidate.name === family);
      if (known) await this.startPatiently(known);
    };
  }

  private async startAll(): Promise<void> {
    await Promise.all(this.backend.families.map((family) => this.startPatiently(family)));
    if (this.backend.shared) this.watchSwitches();
  }

  /** A store that is down when its projection should begin is no reason to end: it is waited for as in the middle of it. */
  private async startPatiently(family: ProjectionFamily): Promise<void> {
    while (!this.closed.aborted) {
      try {
        return await this.startFamily(family);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        this.log.warn('projector waits', { projection: family.name, reason: error.message });
        await sleep(startAgainMs, undefined, { signal: this.closed }).catch(() => undefined);
      }
    }
  }

  private watchSwitches(): void {
    this.watching = setTimeout(() => {
      void Promise.all(this.backend.families.map((family) => this.followSwitch(family))).then(() => {
        if (this.watching) this.watchSwitches();
      });
    }, switchWatchMs);
  }

  private async followSwitch(family: ProjectionFamily): Promise<void> {
    try {
      const { live } = await family.generations();
      const running = this.running.get(family.name);
      if (!running || running.generation === live) return;
      this.log.info('another generation is live; going over to it', { projection: family.name, generation: live });
      await this.stopFamily(family.name);
      await this.startPatiently(family);
    } catch (error) {
      if (!(error instanceof Unavailable)) this.onFailure(family.name, error);
    }
  }

  private async startFamily(family: ProjectionFamily): Promise<void> {
    const handler = this.getHandlerByPattern(projectionPattern(family.name));
    if (!handler) throw new Error(`no controller handles ${projectionPattern(family.name)}`);
    const projection = await family.live();
    const stop = new AbortController();
    const apply = async (batch: ProjectedBatch): Promise<ApplyOutcome> => {
      const end = this.instruments.projectionSeconds.startTimer({ projection: family.name });
      const answer = (await handler({ projection, batch }, undefined)) as Observable<ApplyOutcome> | ApplyOutcome;
      const outcome = typeof answer === 'string' ? answer : await lastValueFrom(from(answer));
      end();
      this.instruments.projectedRecords.inc({ projection: family.name }, batch.records.length);
      return outcome;
    };
    const done = runProjector({
      log: this.backend.log,
      projection,
      progress: this.backend.progress,
      signal: stop.signal,
      apply,
      onStuck: (partition, reason) =>
        this.log.warn('projector waits', { projection: family.name, ...partition, reason }),
      onFenced: (partition) =>
        this.log.warn('partition taken over by another projector', { projection: family.name, ...partition }),
    }).catch((error: unknown) => this.failed(family, projection.generation, error));
    this.running.set(family.name, { stop, done, generation: projection.generation });
  }

  /** The tables of a generation that is not live any more may be gone: the watch goes over to the one that is. */
  private async failed(family: ProjectionFamily, generation: number, error: unknown): Promise<void> {
    const live = this.backend.shared ? (await family.generations().catch(() => null))?.live : generation;
    if (live === generation || live === undefined) this.onFailure(family.name, error);
  }

  private async stopFamily(name: string): Promise<void> {
    const running = this.running.get(name);
    if (!running) return;
    running.stop.abort();
    await running.done;
    this.running.delete(name);
  }
}
