import { describe, expect, it } from 'vitest';
import { readClickHouseUrl } from './clickhouse-url.js';

describe('readClickHouseUrl', () => {
  it('reads user, password, port and database', () => {
    expect(readClickHouseUrl('clickhouse://u%40x:p%2Fw@host:9000/db')).toEqual({
      address: { url: 'http://host:9000', username: 'u@x', password: 'p/w', database: 'db' },
      sql: null,
      placement: { cluster: null, replicated: false },
    });
    expect(readClickHouseUrl('clickhouse://host/db?secure=1').address.url).toBe('https://host:8443');
    expect(readClickHouseUrl('https://host').address).toMatchObject({
      url: 'https://host:8443',
      database: 'runstream',
    });
  });

  it("never lets people's SQL run as the user that owns the tables", () => {
    expect(readClickHouseUrl('clickhouse://owner:secret@db/runs').sql).toBeNull();
    expect(readClickHouseUrl('clickhouse://owner:secret@db/runs?sql_user=').sql).toBeNull();
    expect(readClickHouseUrl('clickhouse://owner:secret@db/runs?sql_user=reader&sql_password=p').sql).toEqual({
      url: 'http://db:8123',
      database: 'runs',
      username: 'reader',
      password: 'p',
    });
  });

  it('replicates the tables of a cluster, and of a database that replicates its statements', () => {
    const placement = (query: string) => readClickHouseUrl(`clickhouse://db/runs?${query}`).placement;
    expect(placement('cluster=main')).toEqual({ cluster: 'main', replicated: true });
    expect(placement('tables=replicated')).toEqual({ cluster: null, replicated: true });
    expect(placement('tables=plain')).toEqual({ cluster: null, replicated: false });
  });

  it('says everything that is wrong', () => {
    const address = 'clickhouse://db/a;b?secure=yes&cluster=x`y&tables=plain&sqluser=z';
    for (const part of [
      /"sqluser" is not known; expected secure, sql_user/,
      /secure: "yes"/,
      /"a;b" is no name of a database/,
      /cluster: "x`y" is no name/,
      /plain ones on the hosts of a cluster/,
    ])
      expect(() => readClickHouseUrl(address)).toThrow(part);
    expect(() => readClickHouseUrl('clickhouse://db/x?tables=shared')).toThrow(/neither plain nor replicated/);
    expect(() => readClickHouseUrl('clickhouse://')).toThrow(/no address|no host/);
  });
});
