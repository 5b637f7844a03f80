/** One connection's worth of SQL. Placeholders are $1, $2…; int8 comes back as number, json as values, float8 with NaN and infinities. */
export interface SqlSession {
  query<Row = Record<string, unknown>>(text: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;
}

/**
 * A PostgreSQL, embedded or a server. Throws `Unavailable` when it is down or a transaction must be repeated; anything else is a
 * mistake of ours and goes up as it is. Pools, retries and table layouts are not its business.
 */
export interface SqlDatabase extends SqlSession {
  /** All or nothing; rolled back, and rejected, when the work throws or any statement of it failed. Must not be nested. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
  /** Several statements without parameters (migrations, maintenance), outside any transaction. */
  script(text: string): Promise<void>;
  /** Embedded engines have no autovacuum: whoever writes much must ask for maintenance. */
  readonly embedded: boolean;
  close(): Promise<void>;
}
