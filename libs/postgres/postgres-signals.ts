import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { SqlSession } from './sql-database.js';

export interface SignalHandlers {
  /** A projection somewhere has stored this position. */
  readonly moved: (projection: string, partition: string, position: number) => void;
  /** A reader somewhere waits until a projection contains this position. */
  readonly wanted: (projection: string, partition: string, position: number) => void;
  /** Somebody somewhere reads telemetry. */
  readonly looked: () => void;
  /** Verdicts of these events have been stored. */
  readonly verdicts: (eventIds: readonly string[]) => void;
  /** Listening begins, or begins again: what was said in between was not heard. */
  readonly listening: () => void;
}

const channel = 'runstream';
/** PostgreSQL takes less than 8,000 bytes. */
const payloadCharsMax = 7_000;
const eventsPerMessageMax = 40;
/** Said at most this often; a newer position of a partition replaces an older one that was not said yet. */
const saidEveryMs = 10;
const reconnectMs = 500;
const askEveryMs = 10_000;

/**
 * What the processes of a deployment tell each other through PostgreSQL: hints, said after the commit. A lost one costs a listener
 * the time until it looks by itself, nothing else.
 */
export class PostgresSignals {
  readonly #positions = new Map<string, string>();
  readonly #wanted = new Map<string, string>();
  readonly #eventIds: string[] = [];
  #looked = false;
  readonly #stop = new AbortController();
  #closed = (): void => undefined;
  readonly #untilClosed = new Promise<void>((resolve) => (this.#closed = resolve));
  #saying: Promise<void> | null = null;
  #client: pg.Client | null = null;
  #listening: Promise<void> = Promise.resolve();

  constructor(
    private readonly url: string,
    private readonly session: SqlSession,
  ) {}

  tellMoved(projection: string, partition: string, position: number): void {
    this.#positions.set(`${projection} ${partition}`, String(position));
    this.#saying ??= this.#say();
  }

  tellWanted(projection: string, partition: string, position: number): void {
    const key = `${projection} ${partition}`;
    this.#wanted.set(key, String(Math.max(position, Number(this.#wanted.get(key) ?? 0))));
    this.#saying ??= this.#say();
  }

  tellLooked(): void {
    this.#looked = true;
    this.#saying ??= this.#say();
  }

  tellVerdicts(eventIds: readonly string[]): void {
    this.#eventIds.push(...eventIds);
    if (eventIds.length > 0) this.#saying ??= this.#say();
  }

  /** Goes on until closed, connecting again whenever the connection breaks. */
  listen(handlers: SignalHandlers): void {
    this.#listening = this.#listen(handlers);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    // a goodbye may never be heard on a dead way
    void this.#client?.end().catch(() => undefined);
    this.#closed();
    await this.#listening;
    await this.#saying;
  }

  async #say(): Promise<void> {
    await sleep(saidEveryMs);
    const messages: object[] = [];
    if (this.#positions.size > 0) messages.push(...inPieces([...this.#positions]).map((moved) => ({ moved })));
    this.#positions.clear();
    if (this.#wanted.size > 0) messages.push(...inPieces([...this.#wanted]).map((wanted) => ({ wanted })));
    this.#wanted.clear();
    if (this.#looked) messages.push({ looked: true });
    this.#looked = false;
    while (this.#eventIds.length > 0) messages.push({ verdicts: this.#eventIds.splice(0, eventsPerMessageMax) });
    for (const message of messages) {
      // a hint that can't be said is not worth an error: whoever waits looks by itself
      await this.session.query('select pg_notify($1, $2)', [channel, JSON.stringify(message)]).catch(() => undefined);
    }
    const more = this.#positions.size > 0 || this.#wanted.size > 0 || this.#looked || this.#eventIds.length > 0;
    this.#saying = more ? this.#say() : null;
  }

  async #listen(handlers: SignalHandlers): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const client = new pg.Client({
        connectionString: this.url,
        connectionTimeoutMillis: 5_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
        query_timeout: 5_000,
      });
      const broken = new Promise<void>((resolve) => {
        client.on('error', () => resolve());
        client.on('end', () => resolve());
      });
      client.on('notification', ({ payload }) => hear(payload ?? '', handlers));
      this.#client = client;
      try {
        await client.connect();
        await client.query(`listen ${channel}`);
        handlers.listening();
        await Promise.race([broken, untilSilent(client), this.#untilClosed]);
      } catch {
        // not there now: tried again below
      }
      // a goodbye may never be heard on a dead way
      void client.end().catch(() => undefined);
      await sleep(reconnectMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}

/** A connection that is only listened on never tells that its other end is gone: it is asked from time to time. */
async function untilSilent(client: pg.Client): Promise<void> {
  for (;;) {
    await sleep(askEveryMs, undefined, { ref: false });
    await client.query('select 1');
  }
}

function inPieces(entries: readonly [string, string][]): [string, string][][] {
  const pieces: [string, string][][] = [[]];
  let chars = 0;
  for (const entry of entries) {
    chars += entry[0].length + entry[1].length + 8;
    if (chars > payloadCharsMax) {
      pieces.push([]);
      chars = 0;
    }
    pieces[pieces.length - 1]!.push(entry);
  }
  return pieces;
}

function hear(payload: string, handlers: SignalHandlers): void {
  const {
    moved = [],
    wanted = [],
    verdicts = [],
    looked = false,
  } = JSON.parse(payload) as {
    moved?: readonly [string, string][];
    wanted?: readonly [string, string][];
    verdicts?: readonly string[];
    looked?: boolean;
  };
  for (const [what, positions] of [
    [handlers.moved, moved],
    [handlers.wanted, wanted],
  ] as const) {
    for (const [name, position] of positions) {
      const [projection = '', partition = ''] = name.split(' ');
      what(projection, partition, Number(position));
    }
  }
  if (looked) handlers.looked();
  if (verdicts.length > 0) handlers.verdicts(verdicts);
}
