import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, HttpClient } from './http-client.js';
import type { KafkaTransport } from './kafka-transport.js';

const [backoffMinMs, backoffMaxMs] = [200, 30_000];

/** Can't go on: the reason is for a person; the spool is kept. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
export interface EventResult {
  readonly id: string;
  readonly status: string;
  readonly code?: string;
  readonly message?: string;
  readonly attempt?: number;
  readonly attemptStartedAtMs?: number;
  readonly nextStep?: number;
}
interface Body {
  readonly results?: readonly EventResult[];
  readonly position?: string;
  readonly error?: { readonly code?: string };
}

/** Requests with events until they are answered: waits longer each time, splits what is too large, finds the one that can't be read. */
export class Poster {
  direct: KafkaTransport | null = null;
  /** Read-your-writes token of the last answer. */
  position = '';

  constructor(
    readonly client: HttpClient,
    readonly url: string,
    readonly trouble: (text: string) => void,
    readonly givesUp: () => boolean,
  ) {}

  async send(events: readonly Buffer[]): Promise<readonly EventResult[]> {
    const { direct } = this;
    if (events.length === 0) return [];
    if (!direct) return this.#post(events);
    const straight = events.map((event) => direct.isTelemetry(event));
    // the door first: what starts a run is known before its telemetry comes
    const rest = events.filter((_, i) => !straight[i]);
    const answered = rest.length > 0 ? [...(await this.#post(rest))] : [];
    const telemetry = events.filter((_, i) => straight[i]);
    const stored = telemetry.length > 0 ? [...(await this.#patiently('Kafka', () => direct.send(telemetry)))] : [];
    return straight.map((isStraight) => (isStraight ? stored : answered).shift()!);
  }

  async #patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        await this.#failed(failures, `${what}: ${(error as Error).message}`, 0);
      }
    }
  }

  async #post(events: readonly Buffer[]): Promise<readonly EventResult[]> {
    for (let failures = 1; ; failures++) {
      let pauseMs = 0;
      let trouble: string;
      try {
        const headers = { 'content-type': 'application/x-protobuf', accept: 'application/json' };
        const answer = await this.client.request('POST', '/v1/events', Buffer.concat(events), headers);
        const said = answer.status === 200 || answer.status === 400 ? bodyOf(answer) : null;
        // 400 with results: every event was read, and refused
        if (said?.results?.length === events.length) {
          this.position = said.position ?? '';
          return said.results;
        }
        const isOurs = (said ?? bodyOf(answer))?.error?.code !== undefined;
        trouble = `${this.url} answered ${answer.status} ${answer.body.toString('utf8').slice(0, 300)}`;
        if (events.length > 1 && (answer.status === 413 || (answer.status === 400 && isOurs))) {
          const half = events.length >> 1;
          return [...(await this.#post(events.slice(0, half))), ...(await this.#post(events.slice(half)))];
        }
        // what else answers so (a proxy, another server) says nothing about the event
        if (isOurs && (answer.status === 400 || answer.status === 413))
          return [{ id: '', status: 'refused', code: 'UNREADABLE', message: trouble }];
        pauseMs = Math.min(60, Number(answer.headers['retry-after'] ?? 0) || 0) * 1_000;
      } catch (error) {
        if (error instanceof Stopped) throw error;
        trouble = `${this.url}: ${(error as Error).message}`;
      }
      await this.#failed(failures, trouble, pauseMs);
    }
  }

  /** Waits before the next try, longer each time; gives up when the training process is gone for long. */
  async #failed(failures: number, trouble: string, pauseMs: number): Promise<void> {
    if (failures > 1) this.trouble(trouble);
    if (this.givesUp()) throw new Stopped(trouble);
    const backoffMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures - 1, 10));
    await sleep(Math.max(pauseMs, backoffMs * (0.5 + Math.random() / 2)));
  }
}

function bodyOf(answer: Answer): Body | null {
  try {
    return JSON.parse(answer.body.toString('utf8')) as Body;
  } catch {
    return null;
  }
}
