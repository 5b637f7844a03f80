import type { ClickHouseAddress } from './clickhouse-engine.js';
import type { Placement } from './clickhouse-placement.js';

export interface ClickHouseServer {
  readonly address: ClickHouseAddress;
  /** The user of people's SQL. Without one it is not offered: it never runs as the user that owns the tables. */
  readonly sql: ClickHouseAddress | null;
  readonly placement: Placement;
}

const known = ['secure', 'sql_user', 'sql_password', 'cluster', 'tables'];

/**
 * `clickhouse://user:password@host:8123/database?secure=1&sql_user=…&sql_password=…&cluster=…&tables=replicated` as what it says.
 * Throws an Error with everything that is wrong with it.
 */
export function readClickHouseUrl(text: string): ClickHouseServer {
  if (!URL.canParse(text)) throw new Error('is no address; expected clickhouse://user:password@host:8123/database');
  const url = new URL(text);
  const query = url.searchParams;
  const problems: string[] = [];
  for (const key of query.keys())
    if (!known.includes(key)) problems.push(`"${key}" is not known; expected ${known.join(', ')}`);
  const flag = query.get('secure') ?? '0';
  if (flag !== '0' && flag !== '1') problems.push(`secure: "${flag}" is neither 0 nor 1`);
  const secure = flag === '1' || url.protocol === 'https:';
  const database = decodeURIComponent(url.pathname.slice(1)) || 'runstream';
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(database)) problems.push(`"${database}" is no name of a database`);
  if (url.hostname === '') problems.push('has no host');
  const placement = readPlacement(query, problems);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const address: ClickHouseAddress = {
    url: `${secure ? 'https' : 'http'}://${url.hostname}:${url.port || (secure ? '8443' : '8123')}`,
    username: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
    database,
  };
  const username = query.get('sql_user') ?? '';
  const sql = username === '' ? null : { ...address, username, password: query.get('sql_password') ?? '' };
  return { address, sql, placement };
}

function readPlacement(query: URLSearchParams, problems: string[]): Placement {
  const cluster = query.get('cluster') ?? '';
  if (cluster !== '' && !/^[A-Za-z0-9_.-]{1,64}$/.test(cluster)) problems.push(`cluster: "${cluster}" is no name`);
  const tables = query.get('tables') ?? (cluster === '' ? 'plain' : 'replicated');
  if (tables !== 'plain' && tables !== 'replicated')
    problems.push(`tables: "${tables}" is neither plain nor replicated`);
  if (tables === 'plain' && cluster !== '')
    problems.push(
      'tables: plain ones on the hosts of a cluster would each hold another part; leave out one of the two',
    );
  return { cluster: cluster === '' ? null : cluster, replicated: tables === 'replicated' };
}
