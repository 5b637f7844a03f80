import pg from 'pg';
import { Unavailable } from '#libs/domain/rejection.js';
import { sqlError } from './pglite-engine.js';
import type { SqlDatabase, SqlSession } from './sql-database.js';

export interface PostgresOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly connectionsMax?: number;
}

/** The server ends a connection that does nothing inside a transaction for this long; its locks go with it. */
const stalledAfterMs = 10_000;
const int8 = 20;
// what a server that is down, starting, stopping or out of connections says
const downCodes = /^(08...|57P0.|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

function readError(error: unknown): Error {
  const { message, code } = error as { message?: string; code?: string };
  const text = message ?? String(error);
  if (
    (code !== undefined && downCodes.test(code)) ||
    /terminated|not queryable|timeout (expired|exceeded)/.test(text)
  ) {
    return new Unavailable(`PostgreSQL can't be reached: ${text}`, 500, { cause: error });
  }
  return sqlError(text, code ?? null);
}

/** A PostgreSQL server through a pool of connections. */
export class PostgresDatabase implements SqlDatabase {
  readonly embedded = false;
  readonly #pool: pg.Pool;

  constructor(options: PostgresOptions) {
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.connectionsMax ?? 10,
      connectionTimeoutMillis: 5_000,
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
    return run(this.#pool, text, parameters);
  }

  async transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw readError(error);
    });
    let broken: Error | undefined;
    try {
      await run(client, 'begin', []);
      const result = await work({ query: (text, parameters = []) => run(client, text, parameters) });
      await run(client, 'commit', []);
      return result;
    } catch (error) {
      // a connection whose rollback fails too is thrown away by release(error)
      await client.query('rollback').catch((failure: unknown) => (broken = failure as Error));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async script(text: string): Promise<void> {
    await run(this.#pool, text, undefined);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function run<Row>(
  client: pg.Pool | pg.PoolClient,
  text: string,
  parameters: readonly unknown[] | undefined,
): Promise<readonly Row[]> {
  try {
    const result = parameters === undefined ? await client.query(text) : await client.query(text, [...parameters]);
    return result.rows as Row[];
  } catch (error) {
    throw readError(error);
  }
}
