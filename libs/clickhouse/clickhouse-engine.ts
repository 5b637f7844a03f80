import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '#libs/domain/rejection.js';
import type { EngineUser } from './clickhouse-config.js';
import { EngineEnded, startEngineProcess, type EngineProcess } from './clickhouse-process.js';

export interface ClickHouseAddress extends EngineUser {
  readonly url: string;
  readonly database: string;
}

export interface EngineOptions {
  readonly dir: string;
  /** Unpredictable text for credentials, at least 128 bits. */
  readonly randomHex: () => string;
  readonly database?: string;
  /** Views of the database that the user `sql` may read. */
  readonly views?: readonly string[];
  readonly landlock?: boolean;
  /** A loopback port that stays the same over restarts, for who is given an address once; absent: any free one. */
  readonly port?: number;
  readonly memoryBytesMax?: number;
  readonly threadsMax?: number;
  readonly startTimeoutMs?: number;
  /** Told as soon as its process begins: what else there is to do takes nothing from it. */
  readonly onSpawned?: (() => void) | undefined;
  readonly backoffMsMax?: number;
  /** Told when data with which the engine does not start was moved aside, and what it said. */
  readonly onDamaged?: (movedTo: string, reason: string) => void;
  /** Told of every crash and restart. */
  readonly onChange?: (change: { readonly state: 'up' | 'down' | 'failed'; readonly detail: string }) => void;
}

/** The embedded ClickHouse: a supervised child process on loopback. Its port changes with every restart. */
export interface ClickHouseEngine {
  /** Where it is now; throws `Unavailable` while it is down. */
  address(user: 'app' | 'sql'): ClickHouseAddress;
  /** The child's process id, null while it is down. */
  readonly pid: number | null;
  /** Whether the kernel keeps the engine inside its folder and off the network. */
  readonly sandboxed: boolean;
  close(): Promise<void>;
}

/** Starts the engine; fails with a plain message when it can't run here at all (folder in use, no engine for this machine). */
export async function openClickHouseEngine(options: EngineOptions): Promise<ClickHouseEngine> {
  const supervisor = new EngineSupervisor(options);
  await supervisor.start();
  return supervisor;
}

/** What is in the store can be made again from the log, so data with which the engine ends at once is no reason not to start; it is kept. */
async function moveDataAside(dir: string): Promise<string> {
  const count = (await readdir(dir)).filter((name) => name.startsWith('damaged-')).length;
  const movedTo = join(dir, `damaged-${count + 1}`);
  await rename(join(dir, 'data'), movedTo);
  return movedTo;
}

/** Making the database of an engine that answered; without a bound a lost one would keep the supervisor waiting for ever. */
const statementTimeoutMs = 10_000;

class EngineSupervisor implements ClickHouseEngine {
  readonly #options: EngineOptions;
  readonly #database: string;
  readonly #users: { readonly app: EngineUser; readonly sql: EngineUser };
  readonly #stop = new AbortController();
  #process: EngineProcess | null = null;
  #landlockAbi = 0;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#database = options.database ?? 'runstream';
    this.#users = {
      app: { username: 'app', password: options.randomHex() },
      sql: { username: 'sql', password: options.randomHex() },
    };
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get sandboxed(): boolean {
    return this.#landlockAbi >= 4; // from ABI 4 on it also covers outbound TCP
  }

  address(user: 'app' | 'sql'): ClickHouseAddress {
    if (!this.#process) throw new Unavailable('the metric engine is down and being restarted', 500);
    return { url: this.#process.url, database: this.#database, ...this.#users[user] };
  }

  async start(): Promise<void> {
    const engine = await this.#startOnce().catch(async (error: unknown) => {
      if (!(error instanceof EngineEnded)) throw error;
      this.#options.onDamaged?.(await moveDataAside(this.#options.dir), error.message);
      return this.#startOnce();
    });
    this.#watching = this.#watch(engine);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#process?.kill();
    await this.#watching;
  }

  async #startOnce(): Promise<EngineProcess> {
    const { options } = { options: this.#options };
    const engine = await startEngineProcess({
      dir: options.dir,
      database: this.#database,
      app: this.#users.app,
      sql: this.#users.sql,
      views: options.views ?? [],
      memoryBytesMax: options.memoryBytesMax ?? 3_000_000_000,
      threadsMax: options.threadsMax ?? 2,
      landlock: options.landlock ?? true,
      port: options.port ?? 0,
      startTimeoutMs: options.startTimeoutMs ?? 30_000,
      onSpawned: options.onSpawned,
      startId: options.randomHex().slice(0, 16),
    });
    try {
      await this.#makeDatabase(engine.url);
    } catch (error) {
      await engine.kill();
      throw error;
    }
    this.#landlockAbi = engine.landlockAbi;
    this.#process = engine;
    options.onChange?.({ state: 'up', detail: `pid ${engine.pid}, ${engine.url}, Landlock ABI ${engine.landlockAbi}` });
    return engine;
  }

  async #makeDatabase(url: string): Promise<void> {
    const { username, password } = this.#users.app;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const body = `CREATE DATABASE IF NOT EXISTS ${this.#database}`;
    const signal = AbortSignal.timeout(statementTimeoutMs);
    const response = await fetch(url, { method: 'POST', headers: { authorization }, body, signal });
    if (!response.ok) throw new Error(`metrics: the engine refused to make its database: ${await response.text()}`);
  }

  /** Restarts the engine whenever it ends, until closed; waits longer after each failure. */
  async #watch(first: EngineProcess): Promise<void> {
    let engine: EngineProcess | null = first;
    let backoffMs = 50;
    while (!this.#stop.signal.aborted) {
      if (engine) {
        const upSince = performance.now();
        await engine.exited;
        this.#process = null;
        if (performance.now() - upSince > 5_000) backoffMs = 50;
        if (this.#stop.signal.aborted) return;
        this.#options.onChange?.({ state: 'down', detail: `engine process ${engine.pid} ended` });
      }
      await sleep(backoffMs, undefined, { signal: this.#stop.signal }).catch(ignoreAbort);
      if (this.#stop.signal.aborted) return;
      backoffMs = Math.min(backoffMs * 2, this.#options.backoffMsMax ?? 2_000);
      try {
        engine = await this.#startOnce();
      } catch (error) {
        engine = null;
        this.#options.onChange?.({ state: 'failed', detail: (error as Error).message });
      }
      if (engine && this.#stop.signal.aborted) await engine.kill();
    }
    this.#process = null;
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
