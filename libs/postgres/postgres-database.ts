import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Unavailable } from '#libs/domain/rejection.js';
import { watchAnswer } from '#libs/observability/watch-answer.js';
import { readSqlError } from './sql-errors.js';
import type { SqlDatabase, SqlSession } from './sql-database.js';
import { workWhole } from './whole-transaction.js';

export interface PostgresOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly connectionsMax?: number;
}

/** The server ends a connection that does nothing inside a transaction for this long; its locks go with it. */
const stalledAfterMs = 10_000;
const int8 = 20;
export const connectTimeoutMs = 5_000;

/** A PostgreSQL server through a pool of connections. */
export class PostgresDatabase implements SqlDatabase {
  readonly embedded = false;
  readonly #pool: pg.Pool;
  readonly #url: string;

  constructor(options: PostgresOptions) {
    this.#url = options.url;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.connectionsMax ?? 10,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      // a process that stalls in a transaction must not hold up those who take over from it
      idle_in_transaction_session_timeout: stalledAfterMs,
      types: {
        getTypeParser: (oid: number, format?: string) =>
          oid === int8 ? Number : (pg.types.getTypeParser(oid as never, format as 'text') as (text: string) => unknown),
      },
    });
    // an idle connection that breaks is replaced at the next use; the use reports it if the server stays down
    this.#pool.on('error', () => undefined);
    // so does one that breaks between two statements of a transaction: the next statement fails
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  query<Row>(text: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#withClient((client) => this.#run(client, text, parameters));
  }

  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await this.#run(client, 'begin', []);
      try {
        const session: SqlSession = { query: (text, parameters = []) => this.#run(client, text, parameters) };
        const result = await workWhole(session, work);
        await this.#run(client, 'commit', []);
        return result;
      } catch (error) {
        // a connection whose rollback fails too is thrown away
        await this.#run(client, 'rollback', []).catch((failure: unknown) => broken.set(client, failure as Error));
        throw error;
      }
    });
  }

  async script(text: string): Promise<void> {
    await this.#withClient((client) => this.#run(client, text, undefined));
  }

  async close(): Promise<void> {
    // a goodbye may never be heard on a dead way
    await Promise.race([this.#pool.end(), sleep(connectTimeoutMs, undefined, { ref: false })]);
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw readSqlError(error);
    });
    try {
      return await work(client);
    } finally {
      client.release(broken.get(client));
    }
  }

  async #run<Row>(
    client: pg.PoolClient,
    text: string,
    parameters: readonly unknown[] | undefined,
  ): Promise<readonly Row[]> {
    const asked = parameters === undefined ? client.query(text) : client.query(text, [...parameters]);
    let lost: string | null = null;
    const watch = {
      alive: () => this.#working(backendOf(client)),
      giveUp: (reason: string) => {
        lost = reason;
        broken.set(client, new Error(reason));
        // what waits on it fails: nobody else can end a connection that only we hold to be open
        streamOf(client).destroy();
      },
    };
    try {
      return (await watchAnswer(asked, watch)).rows as Row[];
    } catch (error) {
      throw lost === null ? readSqlError(error) : new Unavailable(`PostgreSQL can't be reached: ${String(lost)}`, 500);
    }
  }

  /** Whether the server's side of a connection is at work on our statement; asked over a new one. */
  async #working(backend: number): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.#url, connectionTimeoutMillis: connectTimeoutMs });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ working: boolean }>(
        `select count(*) filter (where pid = $1 and state = 'active') > 0 as working from pg_stat_activity`,
        [backend],
      );
      return rows[0]!.working;
    } finally {
      // a goodbye may never be heard on a dead way
      streamOf(client).destroy();
    }
  }
}

/** Connections that must not be used again, and why. */
const broken = new WeakMap<pg.PoolClient, Error>();

interface Inside {
  readonly processID: number;
  readonly connection: { readonly stream: Socket };
}
const backendOf = (client: pg.PoolClient): number => (client as unknown as Inside).processID;
const streamOf = (client: pg.ClientBase): Socket => (client as unknown as Inside).connection.stream;
