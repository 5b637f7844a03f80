import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { lowerableLimits, sqlSettings } from '#libs/clickhouse/clickhouse-config.js';
import type { ClickHouseAddress } from '#libs/clickhouse/clickhouse-engine.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import { sqlStatus } from './sql-status.js';
import { checkNoFile } from './sql-text.js';

export interface SqlOptions {
  /** ClickHouse format name when the query has no FORMAT clause. */
  readonly format?: string | undefined;
  /** Values of {name:Type} in the query. */
  readonly params?: Readonly<Record<string, string>>;
  /** Limits the caller wants lower than ours, by ClickHouse's names; what is not lower or not a limit is ignored. */
  readonly limits?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface SqlAnswer {
  /** HTTP status of the engine: 200, or why it refused the query; the body is then its message. */
  readonly status: number;
  /** Only what a client of a ClickHouse needs: content-type and x-clickhouse-*. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** User SQL over the friendly views, as the user `sql`. Who may ask is the gateway's business. */
export interface SqlDoor {
  run(sql: string, options?: SqlOptions): Promise<SqlAnswer>;
  close(): void;
}

export interface SqlDoorOptions {
  /** The `sql` user; throws `Unavailable` while the engine is down. null: this deployment has no such user. */
  readonly address: (() => ClickHouseAddress) | null;
  /** The embedded engine: its function file() would read its own folder. A server keeps its own rules. */
  readonly embedded: boolean;
  readonly timeoutMs?: number;
}

export const sqlCharsMax = 1_000_000;

export function openSqlDoor(options: SqlDoorOptions): SqlDoor {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    run: (sql, query = {}) => runSql(options, agent, sql, query),
    close: () => {
      agent.destroy();
    },
  };
}

/** The parts of a request to a ClickHouse that a caller may decide; everything else of the URL is dropped. */
export function readSqlRequest(
  query: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): { sql: string } & SqlOptions {
  const text = (name: string): string => (typeof query[name] === 'string' ? query[name] : '');
  const params: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string') continue;
    if (/^param_\w{1,64}$/.test(name)) params[name.slice(6)] = value;
    if ((lowerableLimits as readonly string[]).includes(name)) limits[name] = value;
  }
  // a ClickHouse joins both: clients put the query in the URL or in the body
  const sql = [text('query'), body].filter((part) => part !== '').join('\n');
  return { sql, params, limits, ...(text('default_format') && { format: text('default_format') }) };
}

async function runSql(options: SqlDoorOptions, agent: Agent, sql: string, query: SqlOptions): Promise<SqlAnswer> {
  query.signal?.throwIfAborted();
  if (!options.address) {
    throw new Rejection(
      'NOT_FOUND',
      'SQL is not offered here: no read-only ClickHouse user is configured (sql_user and sql_password in RUNSTREAM_METRICS)',
    );
  }
  checkSql(sql);
  if (options.embedded) checkNoFile(sql, query.params);
  const address = options.address();
  const url = new URL(address.url);
  url.search = searchOf(address.database, query).toString();
  const response = await send(url, address, agent, sql, query.signal, options.timeoutMs ?? 30_000);
  const code = response.headers['x-clickhouse-exception-code'];
  const status = sqlStatus(response.statusCode ?? 502, typeof code === 'string' ? code : undefined);
  const again = status === 429 || status === 503 ? { 'retry-after': '2' } : {};
  return { status, headers: { ...passedHeaders(response), ...again }, body: response };
}

function checkSql(sql: string): void {
  if (sql.trim() === '')
    throw new Rejection('INVALID_ARGUMENT', 'query: empty; send it as ?query= or as the body', 'query');
  if (sql.length > sqlCharsMax)
    throw new Rejection('TOO_LARGE', `query: ${sql.length} characters, at most ${sqlCharsMax}`, 'query');
}

function searchOf(database: string, query: SqlOptions): URLSearchParams {
  const search = new URLSearchParams({ database });
  const format = query.format ?? '';
  if (format) {
    if (!/^\w{1,64}$/.test(format))
      throw new Rejection('INVALID_ARGUMENT', `default_format: "${format}" is not a format name`, 'default_format');
    search.set('default_format', format);
  }
  for (const name of lowerableLimits) {
    const wanted = Number(query.limits?.[name]);
    if (Number.isSafeInteger(wanted) && wanted > 0 && wanted < sqlSettings[name]) search.set(name, String(wanted));
  }
  for (const [name, value] of Object.entries(query.params ?? {})) {
    if (!/^\w{1,64}$/.test(name))
      throw new Rejection('INVALID_ARGUMENT', `param_${name}: not a parameter name`, 'params');
    search.set(`param_${name}`, value);
  }
  return search;
}

function send(
  url: URL,
  address: ClickHouseAddress,
  agent: Agent,
  sql: string,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const authorization = `Basic ${Buffer.from(`${address.username}:${address.password}`).toString('base64')}`;
  const secure = url.protocol === 'https:';
  const headers = {
    authorization,
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': Buffer.byteLength(sql),
  };
  const options = {
    method: 'POST',
    headers,
    timeout: timeoutMs,
    ...(secure ? {} : { agent }),
    ...(signal && { signal }),
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on('error', (error) => {
      reject(
        signal?.aborted
          ? error
          : new Unavailable(`the SQL engine can't be reached: ${error.message}`, 500, { cause: error }),
      );
    });
    request.end(sql);
  });
}

function passedHeaders(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    const passed =
      name === 'content-type' || (name.startsWith('x-clickhouse-') && name !== 'x-clickhouse-server-display-name');
    if (passed && typeof value === 'string') headers[name] = value;
  }
  return headers;
}
