import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClickHouseClient, type ClickHouseClient } from './clickhouse-client.js';
import { openClickHouseEngine, type ClickHouseEngine } from './clickhouse-engine.js';

const randomHex = (): string => randomBytes(16).toString('hex');

describe('ClickHouseEngine', () => {
  let dir: string;
  let engine: ClickHouseEngine;
  let client: ClickHouseClient;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'engine-'));
    engine = await openClickHouseEngine({ dir, randomHex });
    client = openClickHouseClient({ address: () => engine.address('app') });
    await client.command('CREATE TABLE t (a Float64) ENGINE = MergeTree ORDER BY a');
  });
  afterAll(async () => {
    await client.close();
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('returns numbers as what they were', async () => {
    const values = Float64Array.from([Number.NaN, Infinity, -Infinity, -0, 5e-324, 1.7976931348623157e308, 0.1]);
    await client.insertNative('t', [{ name: 'a', type: 'Float64', data: values }], values.length);
    const rows = await client.query('SELECT a, reinterpretAsUInt64(a) AS bits FROM t ORDER BY bits');
    const bits = (numbers: Float64Array): bigint[] => [...new BigUint64Array(numbers.slice().buffer)].sort();
    expect(bits(rows.f64('a'))).toEqual(bits(values));
  });

  it('leaves no password on disk and admits only its two users', async () => {
    expect((await readdir(dir)).filter((name) => /xml|port/.test(name))).toEqual([]);
    const { url } = engine.address('app');
    for (const path of ['/?query=SELECT+1', '/play', '/dashboard', '/?user=default&query=SELECT+1']) {
      expect((await fetch(url + path)).status, path).toBe(404);
    }
  });

  it('refuses a folder that another engine holds, in words', async () => {
    await expect(openClickHouseEngine({ dir, randomHex })).rejects.toThrow(/in use by another process/);
    expect((await client.query('SELECT 1 AS one')).u8('one')[0]).toBe(1);
  });

  it('takes a taken port for no damage: the data stays where it is', async () => {
    const own = await mkdtemp(join(tmpdir(), 'engine-'));
    const damaged: string[] = [];
    const port = Number(new URL(engine.address('app').url).port);
    const open = openClickHouseEngine({ dir: own, randomHex, port, onDamaged: (_, reason) => damaged.push(reason) });
    await expect(open).rejects.toThrow(/port is taken by another program/);
    expect(damaged).toEqual([]);
    await rm(own, { recursive: true, force: true });
  });

  it('is Unavailable while it is down and comes back after kill -9, at another address', async () => {
    const pid = engine.pid!;
    process.kill(pid, 'SIGKILL');
    const errors: string[] = [];
    const deadline = Date.now() + 20_000;
    for (;;) {
      const result = await client.query('SELECT count() AS n FROM t').catch((error: unknown) => error as Error);
      if (!(result instanceof Error)) {
        expect(result.u64('n')[0]).toBe(7n);
        break;
      }
      errors.push(result.name);
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(new Set(errors)).toEqual(new Set(['Unavailable']));
    expect(engine.pid).not.toBe(pid);
  });

  it('stops a query whose caller leaves', async () => {
    const leaving = new AbortController();
    const slow = client.query('SELECT sum(sipHash64(number)) AS n FROM numbers(100000000000)', {
      signal: leaving.signal,
    });
    setTimeout(() => leaving.abort(), 150);
    await expect(slow).rejects.toMatchObject({ name: 'AbortError' });
    for (let tries = 0; ; tries++) {
      const rows = await client.query(
        "SELECT count() AS n FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'",
      );
      if (rows.u64('n')[0] === 0n) break;
      expect(tries).toBeLessThan(40);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('tells the caller what the server said', async () => {
    await expect(client.query('SELECT nonsense')).rejects.toThrow(/ClickHouse 47 UNKNOWN_IDENTIFIER/);
    await expect(client.query('SELECT throwIf(number = 900000) AS x FROM numbers(1000000)')).rejects.toThrow(
      /ClickHouse 395/,
    );
  });
});
