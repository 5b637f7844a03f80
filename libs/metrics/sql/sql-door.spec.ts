import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqlDoor, readSqlRequest, type SqlDoor, type SqlOptions } from './sql-door.js';
import { escapeAttempts } from '../test/escape-attempts.js';
import { points, range, recordsOf, started, startMs } from '../test/event-batches.js';
import { openMetricsRig, type MetricsRig } from '../test/metrics-rig.js';

const canary = 'CANARY-7f3a';

describe('SqlDoor', () => {
  let rig: MetricsRig;
  let door: SqlDoor;
  let dir: string;
  let trap: Server;
  let knocks = 0;

  const ask = async (sql: string, options?: SqlOptions): Promise<{ status: number; text: string }> => {
    const answer = await door.run(sql, options);
    let text = '';
    for await (const chunk of answer.body) text += String(chunk);
    return { status: answer.status, text: text.trim() };
  };

  beforeAll(async () => {
    rig = await openMetricsRig();
    door = openSqlDoor({ address: () => rig.engine.address('sql'), embedded: true });
    await rig.client.command('CREATE TABLE secret (a UInt32, b String) ENGINE = MergeTree ORDER BY a');
    await rig.client.command(`INSERT INTO secret SELECT number, '${canary}' FROM numbers(1000)`);
    dir = await mkdtemp(join(tmpdir(), 'escape-'));
    await mkdir(join(dir, 'out'));
    await writeFile(join(dir, 'canary.txt'), `${canary}\n`);
    await writeFile(join(dir, 'canary.csv'), `a,b\n1,${canary}\n`);
    await writeFile(join(dir, 'run.sh'), `#!/bin/sh\necho ${canary}\n`);
    await chmod(join(dir, 'run.sh'), 0o755);
    trap = createServer((socket) => {
      knocks++;
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${canary.length}\r\nConnection: close\r\n\r\n${canary}`);
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    door.close();
    trap.close();
    await rig.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('shows every point once before any merge, those that a later attempt logged again left out, with its time', async () => {
    const first = points({
      run: 'sql',
      seq: 1,
      steps: range(0, 10),
      values: { loss: range(0, 10) },
      times: range(0, 10).map((s) => startMs + s * 1_000),
    });
    const partition = { topic: 'telemetry', partition: 0 } as const;
    const story = [
      started('sql', { params: [{ key: 'lr', json: '0.1' }], tags: { team: 'a' } }),
      first,
      points({ run: 'sql', seq: 2, steps: [2], values: { loss: [-2] }, timeMs: startMs + 9_999 }),
      points({
        run: 'sql',
        attempt: 2,
        seq: 1,
        steps: [5, 6],
        values: { loss: [50, Number.NaN], 'system/cpu': [1, 2] },
      }),
    ];
    await rig.write(story);
    // delivered again whole, as after a crash
    const live = await rig.family.live();
    const { epoch, position } = await live.claim(partition);
    await live.apply({
      partition,
      epoch,
      from: position,
      to: position + 3,
      records: recordsOf(story.slice(1), position),
    });
    // they are part of the log: what is written next comes after them
    rig.log.push(...story.slice(1));
    const { text } = await ask(
      "SELECT key, step, value, attempt, toUnixTimestamp64Milli(time) - 1767225600000 FROM metrics WHERE run = 'sql' AND project = 'vision' ORDER BY key, step",
    );
    expect(text.split('\n')).toEqual([
      'loss\t0\t0\t1\t0',
      'loss\t1\t1\t1\t1000',
      'loss\t2\t-2\t1\t9999',
      'loss\t3\t3\t1\t3000',
      'loss\t4\t4\t1\t4000',
      'loss\t5\t50\t2\t0',
      'loss\t6\tnan\t2\t0',
      'loss\t7\t7\t1\t7000',
      'loss\t8\t8\t1\t8000',
      'loss\t9\t9\t1\t9000',
      'system/cpu\t5\t1\t2\t0',
      'system/cpu\t6\t2\t2\t0',
    ]);
    const run = await ask("SELECT project, name, status, params['lr'], tags['team'] FROM runs WHERE run = 'sql'");
    expect(run.text).toBe('vision\tsql\trunning\t0.1\ta');
  });

  it('is not reopened by a start that becomes known after the end it came before', async () => {
    const status = async (): Promise<string> => (await ask("SELECT status FROM runs WHERE run = 'late'")).text;
    const writer = { id: 'w', attempt: 1, rank: 0, seq: 2 };
    const data = { state: 'finished', reason: '', lastTelemetrySeq: 0, lastRunsSeq: 2, exitCode: 0, wholeRun: false };
    await rig.write([
      { ...started('late'), timeMs: startMs + 100 },
      { name: 'RunFinished', subject: 'late', data, writer, timeMs: startMs + 200 },
      { ...started('late', {}, 2), timeMs: startMs + 50 },
    ]);
    expect(await status()).toBe('finished');
    await rig.write([{ ...started('late', {}, 3), timeMs: startMs + 300 }]);
    expect(await status()).toBe('running');
  });

  it('tells how many points of a series there are without reading them', async () => {
    const steps = range(0, 100_000);
    await rig.write([
      started('counted'),
      points({
        run: 'counted',
        seq: 1,
        steps: steps.slice(0, 60_000),
        values: { loss: steps.slice(0, 60_000).map(() => 1) },
      }),
      points({
        run: 'counted',
        seq: 2,
        steps: steps.slice(60_000),
        values: { loss: steps.slice(60_000).map(() => 1) },
      }),
      points({
        run: 'counted',
        seq: 2,
        steps: steps.slice(60_000),
        values: { loss: steps.slice(60_000).map(() => 1) },
      }),
      points({ run: 'counted', seq: 1, rank: 3, steps: [5, 7, 9], values: { loss: [1, NaN, 2] } }),
    ]);
    const { text } = await ask(
      "SELECT key, attempt, rank, first_step, last_step, points FROM series WHERE run = 'counted' ORDER BY rank",
    );
    expect(text.split('\n')).toEqual(['loss\t1\t0\t0\t99999\t100000', 'loss\t1\t3\t5\t9\t2']);
    const plan = (await ask("EXPLAIN indexes = 1 SELECT sum(points) FROM series WHERE run = 'counted'")).text;
    expect(plan).not.toContain('_points');
  });

  it('reads of a series the steps and ranks that are asked for', async () => {
    const steps = range(0, 100_000);
    await rig.write([
      started('lengthy'),
      ...range(0, 10).map((part) => {
        const own = steps.slice(part * 10_000, (part + 1) * 10_000);
        return points({ run: 'lengthy', seq: part + 1, steps: own, values: { a: own.map(() => 1) } });
      }),
      started('wide'),
      ...range(0, 64).map((rank) => {
        const own = range(0, 2_000);
        return points({
          run: 'wide',
          rank,
          seq: 1,
          steps: own,
          values: { a: own.map(() => 1) },
        });
      }),
    ]);
    const rowsOf = async (where: string) => {
      const answer = await door.run(`SELECT count(), max(step), max(rank) FROM points WHERE key = 'a' AND ${where}`);
      let text = '';
      for await (const chunk of answer.body) text += String(chunk);
      const { read_rows } = JSON.parse(answer.headers['x-clickhouse-summary']!) as { read_rows: string };
      return { text: text.trim(), rows: Number(read_rows) };
    };
    const all = await rowsOf("run = 'lengthy'");
    expect(all.text).toBe('100000\t99999\t0');
    expect(all.rows).toBeGreaterThan(100_000);
    for (const [where, text] of [
      ["run = 'lengthy' AND step > 99000", '999\t99999\t0'],
      ["run = 'lengthy' AND step BETWEEN 40000 AND 40100", '101\t40100\t0'],
      ["run = 'lengthy' AND step IN (5, 7)", '2\t7\t0'],
      ["run = 'wide' AND rank = 17", '2000\t1999\t17'],
      ["run = 'wide' AND rank >= 62 AND step < 100", '200\t99\t63'],
    ] as const) {
      const found = await rowsOf(where);
      expect(found.text, where).toBe(text);
      expect(found.rows, where).toBeLessThan(70_000);
    }
  });

  it('leaves deleted runs out of every view', async () => {
    await rig.write([
      started('gone'),
      points({ run: 'gone', seq: 1, steps: [1], values: { loss: [1] } }),
      { name: 'RunDeleted', subject: 'gone', data: {} },
    ]);
    for (const view of ['metrics', 'runs', 'lines'])
      expect((await ask(`SELECT count() FROM ${view} WHERE run = 'gone'`)).text).toBe('0');
  });

  it('reads by the primary key what is filtered by run and key, as the user who asks', async () => {
    const steps = range(0, 10_000);
    const runs = range(0, 12).map((index) => `many${index}`);
    const times = steps.map((step) => startMs + step);
    await rig.write(
      runs.flatMap((run) => [started(run), points({ run, seq: 1, steps, values: { a: steps, b: steps }, times })]),
    );
    const line = { number: 1, stream: 'stdout', timeMs: startMs, text: 'hello' } as const;
    const writer = { id: 'w', attempt: 1, rank: 0, seq: 1 };
    const said = { name: 'LinesLogged', subject: 'many7', writer, data: { lines: [line] } } as const;
    await rig.write([said]);
    await rig.write([said]);
    expect((await ask("SELECT rank, number, stream, text FROM lines WHERE run = 'many7'")).text).toBe(
      '0\t1\tstdout\thello',
    );
    const where = "WHERE run = 'many7' AND key = 'b'";
    // 360 k rows are stored; `metrics` reads the run's clock too
    for (const [view, rowsMax] of [
      ['points', 30_000],
      ['metrics', 60_000],
    ] as const) {
      const answer = await door.run(`SELECT count(), max(value) FROM ${view} ${where}`);
      let text = '';
      for await (const chunk of answer.body) text += String(chunk);
      expect(text.trim()).toBe('10000\t9999');
      const summary = JSON.parse(answer.headers['x-clickhouse-summary']!) as { read_rows: string };
      expect(Number(summary.read_rows), view).toBeLessThan(rowsMax);
      const { text: plan } = await ask(`EXPLAIN indexes = 1 SELECT max(value) FROM ${view} ${where}`);
      expect(plan).toMatch(/Runtime filters: .*\(series, series from/);
      expect(plan).toMatch(/Runtime filters: .*\(run, run from/);
    }
    for (const view of ['runs', 'lines']) {
      const { text: plan } = await ask(`EXPLAIN indexes = 1 SELECT count() FROM ${view} WHERE run = 'many7'`);
      expect(plan, view).toMatch(/Runtime filters: .*\(run, run from/);
    }
  });

  const ground = { dir: '@DIR@', trapPort: 65_535 };
  for (const group of Object.keys(escapeAttempts(ground))) {
    it(`lets nobody out: nothing ${group}`, async () => {
      const trapPort = (trap.address() as AddressInfo).port;
      for (const sql of escapeAttempts({ dir, trapPort })[group]!) {
        const before = knocks;
        const start = performance.now();
        const { status, text } = await ask(sql, { signal: AbortSignal.timeout(20_000) }).catch((error: unknown) => ({
          status: 0,
          text: (error as Error).message,
        }));
        const shown = sql.slice(0, 120);
        const refused = status !== 200 || /DB::Exception/.test(text);
        expect(refused, `${shown} ran: ${text.slice(0, 80)}`).toBe(true);
        expect(text.includes(canary) && !sql.includes(canary), shown).toBe(false);
        expect(knocks, shown).toBe(before);
        expect(await readdir(join(dir, 'out')), shown).toEqual([]);
        expect(performance.now() - start, shown).toBeLessThan(15_000);
      }
      const intact = await rig.client.query(`SELECT countIf(b = '${canary}') AS n FROM secret`);
      expect(intact.u64('n')[0]).toBe(1_000n);
      expect((await ask('SELECT 1')).text).toBe('1');
    });
  }

  it('shows a run again that was restored, with its project', async () => {
    await rig.write([
      started('back'),
      points({ run: 'back', seq: 1, steps: [1], values: { loss: [1] } }),
      { name: 'RunDeleted', subject: 'back', data: {} },
    ]);
    const sql = "SELECT project, value FROM metrics WHERE run = 'back'";
    expect((await ask(sql)).text).toBe('');
    await rig.write([{ name: 'RunRestored', subject: 'back', data: {} }]);
    expect((await ask(sql)).text).toBe('vision\t1');
    expect((await ask("SELECT count() FROM runs WHERE run = 'back'")).text).toBe('1');
  });

  it('takes millions of points into one answer within its memory', async () => {
    const steps = range(0, 50_000);
    const values = Object.fromEntries(range(0, 20).map((key) => [`m${key}`, steps]));
    const times = steps.map((step) => startMs + step);
    await rig.write([started('wide'), points({ run: 'wide', seq: 1, steps, values, times })]);
    for (const view of ['points', 'metrics']) {
      const answer = await door.run(`SELECT count(), max(value), uniq(key) FROM ${view} WHERE run != ''`, {
        limits: { max_memory_usage: '300000000' },
      });
      let text = '';
      for await (const chunk of answer.body) text += String(chunk);
      expect(text, view).toMatch(/^1\d{6}\t49999\t\d+\n$/);
    }
  });

  it('lowers limits on request and never raises them', async () => {
    const rows = 'SELECT number FROM numbers(10)';
    expect((await ask(rows, { limits: { max_result_rows: '5' } })).text).toMatch(/396/);
    expect(
      (
        await ask(rows, {
          limits: { max_result_rows: '9000000000', max_execution_time: '0', readonly: '0', max_threads: '64' },
        })
      ).status,
    ).toBe(200);
    expect(
      (await ask("SELECT getSetting('max_execution_time')", { limits: { max_execution_time: '3600' } })).text,
    ).toBe('10');
  });

  it('takes the query from the URL or the body and only allowed parameters', async () => {
    const request = readSqlRequest(
      {
        query: 'SELECT {n:UInt8} AS n',
        default_format: 'JSONCompact',
        param_n: '7',
        user: 'default',
        password: '',
        database: 'system',
        max_result_rows: '3',
      },
      '',
    );
    expect(request).toEqual({
      sql: 'SELECT {n:UInt8} AS n',
      params: { n: '7' },
      limits: { max_result_rows: '3' },
      format: 'JSONCompact',
    });
    const { text } = await ask(request.sql, request);
    expect((JSON.parse(text) as { data: unknown }).data).toEqual([[7]]);
    expect(readSqlRequest({}, 'SELECT 1').sql).toBe('SELECT 1');
    await expect(door.run(' ')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(door.run('SELECT 1', { format: 'a&user=default' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('refuses what it can not contain where there is no sandbox', async () => {
    const open = openSqlDoor({ address: () => rig.engine.address('sql'), embedded: true });
    for (const sql of [
      "SELECT file('/etc/passwd')",
      'SELECT * APPLY FILE FROM t',
      'SELECT "f\\x69le"(1)',
      'SELECT `f\\x69le`(1)',
    ]) {
      await expect(open.run(sql)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const answer = await open.run("SELECT 'profile', 'a\\\\b'");
    answer.body.resume();
    expect(answer.status).toBe(200);
    open.close();
    const none = openSqlDoor({ address: null, embedded: false });
    await expect(none.run('SELECT 1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
