export interface Notice {
  readonly what: string;
  readonly detail: string;
  /** RFC 3339. */
  readonly since: string;
  /** Until it is over this process should not be asked. */
  readonly unready: boolean;
}

/** What an operator should know though everything goes on: shown by readiness until it is over, or for as long as the process lives. */
export class Notices {
  readonly #notices = new Map<string, Notice>();

  constructor(private readonly clock: () => number) {}

  /** The same `what` replaces what was said of it before, and keeps the time when it began. */
  put(what: string, detail: string, { unready = false } = {}): void {
    const since = this.#notices.get(what)?.since ?? new Date(this.clock()).toISOString();
    this.#notices.set(what, { what, detail, since, unready });
  }

  over(what: string): void {
    this.#notices.delete(what);
  }

  all(): readonly Notice[] {
    return [...this.#notices.values()];
  }
}
