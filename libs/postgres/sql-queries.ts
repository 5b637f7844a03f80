import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { SqlSession } from './sql-database.js';

/** Kysely over a session of ours: one query builder for the embedded and the server database. */
export function createQueries<Tables>(session: SqlSession): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new SessionDriver(session),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

class SessionDriver implements Driver {
  constructor(private readonly session: SqlSession) {}

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return {
      executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => ({
        rows: (await this.session.query<R>(query.sql, query.parameters)) as R[],
      }),
      streamQuery: () => {
        throw new Error('streaming is not offered by this driver');
      },
    };
  }
  // transactions belong to SqlDatabase.transaction, which hands out a session
  async beginTransaction(): Promise<void> {
    throw new Error('use SqlDatabase.transaction');
  }
  async commitTransaction(): Promise<void> {
    throw new Error('use SqlDatabase.transaction');
  }
  async rollbackTransaction(): Promise<void> {
    throw new Error('use SqlDatabase.transaction');
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}
