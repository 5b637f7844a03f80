import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClickHouseError } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTcpProxy } from '../../test/rigs/tcp-proxy.js';
import { openClickHouseClient, type ClickHouseClient } from './clickhouse-client.js';
import { openClickHouseEngine, type ClickHouseEngine } from './clickhouse-engine.js';
import { classOfClickHouseError, clickHouseErrorClasses, readClickHouseError } from './clickhouse-errors.js';

/** Every way in which a store can be away, said by the engine itself where it can be made to. */
describe('what ClickHouse says', () => {
  let dir: string;
  let engine: ClickHouseEngine;
  let client: ClickHouseClient;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'runstream-errors-'));
    engine = await openClickHouseEngine({ dir, randomHex: () => randomBytes(16).toString('hex') });
    client = openClickHouseClient({ address: () => engine.address('app') });
    await client.command('CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n');
  });
  afterAll(async () => {
    await client.close();
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const said = async (work: () => Promise<unknown>): Promise<{ name: string; message: string }> => {
    const error = (await work().then(
      () => new Error('nothing'),
      (reason: unknown) => reason,
    )) as Error;
    return { name: error.name, message: error.message };
  };
  const insert = { name: 'n', type: 'UInt64', data: new BigUint64Array([1n]) } as const;

  it('is read by one list, whose numbers the engine knows', async () => {
    const names = { waited: 'Unavailable', refused: 'Rejection', damaged: 'Unavailable', missing: 'Unavailable' };
    const asked = { resultBytesMax: 1, requestTimeoutMs: 1 };
    for (const [kind, codes] of Object.entries(clickHouseErrorClasses)) {
      const known = await client.query(
        `SELECT CAST(arrayJoin(arrayMap(code -> errorCodeToName(code), [${codes.join(', ')}])), 'String') AS name`,
      );
      expect(known.texts('name').filter((name) => name === '')).toEqual([]);
      for (const code of codes) {
        const error = new ClickHouseError({ code: String(code), message: 'as asked', type: 'ANY' });
        expect([code, (readClickHouseError(error, asked) as Error).name]).toEqual([code, names[kind as never]]);
      }
    }
    const all = Object.values(clickHouseErrorClasses).flat();
    expect(new Set(all).size).toBe(all.length);
    expect([47, 62, 16].map(classOfClickHouseError)).toEqual(['fatal', 'fatal', 'fatal']);
  });

  it('waits where it is read-only, out of time, of memory, of parts, of room, or takes our password no more', async () => {
    const stranger = openClickHouseClient({ address: () => ({ ...engine.address('app'), database: 'elsewhere' }) });
    const heavy = 'SELECT count() FROM (SELECT number % 1000000 AS k FROM numbers(100000000) GROUP BY k)';
    const fallback = { name: 'Unavailable', message: expect.any(String) };
    const cases: Record<string, () => Promise<unknown>> = {
      159: () => client.query('SELECT count() FROM numbers(100000000000)', { settings: { max_execution_time: 0.05 } }),
      160: () =>
        client.query('SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sleepEachRow(0.001))', {
          settings: {
            min_execution_speed: 1_000_000_000,
            timeout_before_checking_execution_speed: 1,
            max_block_size: 100,
          },
        }),
      241: () => client.query(heavy, { settings: { max_memory_usage: 1_000_000 } }),
      164: () => client.command('INSERT INTO t VALUES (1)', { readonly: '1' }),
      252: async () => {
        await client.command(
          'CREATE TABLE parts (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS parts_to_throw_insert = 1',
        );
        for (let i = 0; i < 3; i++) await client.insertNative('parts', [insert], 1);
      },
      497: () => client.command('CREATE USER somebody'),
      60: () => client.query('SELECT * FROM gone'),
      81: () => stranger.query('SELECT 1 FROM t'),
      394: async () => {
        const long = client.query("SELECT count() FROM numbers(100000000000) WHERE 'mark' = 'mark'");
        long.catch(() => undefined);
        await expect
          .poll(() =>
            client
              .command("KILL QUERY WHERE query LIKE '%''mark''%' AND query NOT LIKE 'KILL%' SYNC")
              .then(() => ended(long)),
          )
          .toBe(true);
        await long;
      },
    };
    for (const [code, work] of Object.entries(cases))
      expect([code, await said(work)]).toEqual([code, { ...fallback, message: expect.stringContaining(code) }]);
    await stranger.close();
    expect((await said(() => client.query('SELECT nonsense'))).name).toBe('Error');
    expect(
      (await said(() => client.query('SELECT number FROM numbers(1000)', { settings: { max_result_bytes: '10' } })))
        .name,
    ).toBe('Rejection');
  });

  it('is not waited for behind a connection that only we hold to be open, and is where the question takes long', async () => {
    const proxy = await openTcpProxy(new URL(engine.address('app').url).host);
    const behind = openClickHouseClient({
      address: () => ({ ...engine.address('app'), url: `http://${proxy.address}` }),
    });
    try {
      const slow = await behind.query('SELECT count() AS n FROM numbers(90) WHERE NOT ignore(sleepEachRow(0.1))', {
        settings: { max_block_size: 10 },
      });
      expect(slow.u64('n')[0]).toBe(90n);
      proxy.freeze();
      const begun = performance.now();
      expect(await said(() => behind.query('SELECT 1 AS one'))).toMatchObject({ name: 'Unavailable' });
      expect(await said(() => behind.insertNative('t', [insert], 1))).toMatchObject({ name: 'Unavailable' });
      expect(performance.now() - begun).toBeLessThan(60_000);
      proxy.thaw();
      await expect
        .poll(() =>
          behind.query('SELECT 2 AS n').then(
            ({ rows }) => rows,
            () => 0,
          ),
        )
        .toBe(1);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });
});

const ended = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    work.then(
      () => true,
      () => true,
    ),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50)),
  ]);
