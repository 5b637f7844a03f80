import { Rejection } from '#libs/domain/rejection.js';

/** What the engine runs at once for people, and how much of it one of them gets. */
const atOnceMax = 4;
const perCallerMax = 2;
const waitingPerCallerMax = 16;
const waitMsMax = 15_000;

interface Waiting {
  readonly caller: string;
  readonly enter: () => void;
}

/** Who may ask SQL now: nobody's slow queries shut out the others. Who waits too long, or in too many, is told to come back. */
export class SqlShares {
  readonly #running = new Map<string, number>();
  #total = 0;
  readonly #waiting: Waiting[] = [];

  /** Resolves when it is the caller's turn, with what ends it. */
  async enter(caller: string, signal: AbortSignal): Promise<() => void> {
    if (this.#free(caller)) this.#take(caller);
    else await this.#wait(caller, signal);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#total--;
      const left = this.#of(caller) - 1;
      if (left > 0) this.#running.set(caller, left);
      else this.#running.delete(caller);
      this.#next();
    };
  }

  #of(caller: string): number {
    return this.#running.get(caller) ?? 0;
  }

  #take(caller: string): void {
    this.#total++;
    this.#running.set(caller, this.#of(caller) + 1);
  }

  #free(caller: string): boolean {
    return this.#total < atOnceMax && this.#of(caller) < perCallerMax;
  }

  async #wait(caller: string, signal: AbortSignal): Promise<void> {
    const mine = this.#waiting.filter((each) => each.caller === caller).length;
    if (mine >= waitingPerCallerMax) throw busy(`${this.#of(caller)} of your queries run and ${mine} wait`);
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (error: unknown): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        settle();
        reject(error as Error);
      };
      const late = setTimeout(() => leave(busy(`no place was free for ${waitMsMax / 1_000} s`)), waitMsMax);
      const gone = (): void => leave(signal.reason);
      const settle = (): void => {
        clearTimeout(late);
        signal.removeEventListener('abort', gone);
      };
      const entry: Waiting = {
        caller,
        enter: () => {
          settle();
          resolve();
        },
      };
      signal.addEventListener('abort', gone, { once: true });
      this.#waiting.push(entry);
    });
  }

  /** Of those who may, whoever has the least running; of equals the first that came. */
  #next(): void {
    const able = this.#waiting.filter(({ caller }) => this.#free(caller));
    const chosen = able.reduce<Waiting | null>(
      (best, each) => (best === null || this.#of(each.caller) < this.#of(best.caller) ? each : best),
      null,
    );
    if (!chosen) return;
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    this.#take(chosen.caller);
    chosen.enter();
  }
}

const busy = (why: string): Rejection =>
  new Rejection(
    'LIMIT_EXCEEDED',
    `query: ${why}; at most ${perCallerMax} run at once for one caller; try again in a moment`,
  );
