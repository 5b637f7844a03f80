import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { spawnServer, type RunningServer } from '../rigs/server-process.js';
import { runCli } from '../rigs/server-rig.js';

const run = 'kept';
const batches = 4;
const steps = 500;
const bytes = Buffer.from('weights '.repeat(1_000));
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function allApplied(url: string): Promise<boolean> {
  const { projections } = (await (await fetch(`${url}/readyz`)).json()) as {
    projections: { lag: number; claimed: boolean }[];
  };
  return projections.length > 0 && projections.every(({ lag, claimed }) => claimed && lag === 0);
}

type Way = 'a byte' | 'truncation' | 'absence';
function damage(path: string, way: Way): void {
  if (way === 'absence') return rmSync(path, { recursive: true });
  const { size } = statSync(path);
  if (way === 'truncation') return truncateSync(path, Math.floor(size / 2));
  const content = readFileSync(path);
  content[Math.floor(size / 2)]! ^= 0x5a;
  writeFileSync(path, content);
}

/** What docs/operations.md promises of each kind of file that is found damaged at a start: mended by itself, or a sentence. */
describe('files damaged while the server is stopped', () => {
  let template: string;
  let dir: string;
  let runTableFile: string;
  let server: RunningServer | null = null;
  beforeAll(async () => {
    template = mkdtempSync(join(tmpdir(), 'runstream-template-'));
    const rig = await openEmbeddedServer({ RUNSTREAM_DATA: template, RUNSTREAM_LOG_PARTITIONS: '1' });
    const { url } = rig.server;
    await postEvents(url, [started(run, 'p', writerOf('w', 1, 0))]);
    for (let seq = 1; seq <= batches; seq++) {
      const from = (seq - 1) * steps;
      const batch = Array.from({ length: steps }, (_, i) => from + i);
      await postEvents(url, [points(run, writerOf('w', seq, 0), [block(['loss'], batch, (_, step) => step)])]);
    }
    await fetch(`${url}/v1/artifacts/${digest}`, { method: 'PUT', body: bytes });
    while (!(await allApplied(url))) await sleep(50);
    await rig.server.kill('SIGTERM');
    rmSync(rig.dir, { recursive: true, force: true });
    const { database } = await openPgliteDatabase({ dir: join(template, 'runs') });
    const [row] = await database.query<{ path: string }>(`select pg_relation_filepath('runs_g1.run_states') as path`);
    await database.close();
    runTableFile = join('runs/data', row!.path);
  });
  afterAll(() => rmSync(template, { recursive: true, force: true }));
  afterEach(async () => {
    await server?.kill('SIGKILL');
    server = null;
    rmSync(dir, { recursive: true, force: true });
  });

  const environment = () => ({ RUNSTREAM_DATA: dir, RUNSTREAM_PORT: '0', RUNSTREAM_LOG_PARTITIONS: '1' });
  function given(): void {
    dir = mkdtempSync(join(tmpdir(), 'runstream-damaged-'));
    cpSync(template, dir, { recursive: true });
  }
  const start = async (): Promise<RunningServer> => (server = await spawnServer(environment()));

  const counted = async (url: string): Promise<unknown> => {
    const sql = await fetch(`${url}/clickhouse`, { method: 'POST', body: 'SELECT count() FROM points' });
    const asked = 'query($id: ID!) { run(id: $id) { metric(key: "loss") { count } } }';
    const { run: found } = await gql(url, asked, { id: run }).catch(() => ({ run: null }));
    return { points: (await sql.text()).trim(), count: found?.metric?.count };
  };
  const whole = { points: String(batches * steps), count: batches * steps };
  const ready = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status;

  /** The folder of the largest part of a metric table. */
  const largestPart = (): string => {
    const store = join(dir, 'metrics/data/store');
    const parts = readdirSync(store, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\/all_\d+_\d+_\d+$/.test(path))
      .map((path) => join(store, path))
      .map((path) => ({ path, size: statSync(join(path, 'data.bin')).size }));
    return parts.sort((a, b) => b.size - a.size)[0]!.path;
  };

  for (const way of ['a byte', 'truncation', 'absence'] as const) {
    it(`of the run tables and of the metric store, ${way}, are noticed, said, and made again from the log`, async () => {
      given();
      damage(join(dir, runTableFile), way);
      damage(way === 'absence' ? largestPart() : join(largestPart(), 'data.bin'), way);
      const { url, output } = await start();
      await expect.poll(output).toMatch(/tables do not hold what they held.*projection=points damage=.*g1_/);
      await expect
        .poll(output)
        .toMatch(/run tables did not open|tables do not hold what they held.*projection=runs damage=.*run/);
      await expect.poll(() => counted(url)).toEqual(whole);
      await expect.poll(() => ready(url)).toBe(200);
    });

    it(`of the metric store's list of tables, ${way}, are noticed, said, and made again from the log`, async () => {
      given();
      const metadata = join(dir, 'metrics/data/metadata');
      if (way === 'absence') damage(metadata, way);
      else {
        const file = readdirSync(join(dir, 'metrics/data/store'), { recursive: true, encoding: 'utf8' }).find((path) =>
          path.endsWith('g1_points.sql'),
        )!;
        damage(join(dir, 'metrics/data/store', file), way);
      }
      const { url, output } = await start();
      await expect
        .poll(output)
        .toMatch(/metric store (did not open|is empty)|tables do not hold what they held.*projection=points/);
      await expect.poll(() => counted(url)).toEqual(whole);
      await expect.poll(() => ready(url)).toBe(200);
    });

    it(`of an artifact, ${way}, are never handed over, and can be uploaded again`, async () => {
      given();
      const hex = digest.slice('sha256:'.length);
      const path = join(dir, 'artifacts/objects', hex.slice(0, 2), hex.slice(2));
      damage(path, way);
      const { url } = await start();
      const get = () => fetch(`${url}/v1/artifacts/${digest}`);
      const answer = await get();
      const text = await answer.text();
      if (way === 'absence') expect(answer.status).toBe(404);
      else {
        expect(answer.status).toBe(503);
        expect(text).toContain(path);
        expect(text).toMatch(/damaged.*Restore that file from a copy, or upload the artifact again/);
      }
      expect((await fetch(`${url}/v1/artifacts/${digest}`, { method: 'PUT', body: bytes })).ok).toBe(true);
      expect(Buffer.from(await (await get()).arrayBuffer()).equals(bytes)).toBe(true);
    });

    it(`of the log's description, ${way}, are refused with a sentence that names the file`, async () => {
      given();
      const path = join(dir, 'log/log.json');
      if (way === 'a byte') writeFileSync(path, readFileSync(path, 'utf8').replace('{', '['));
      else damage(path, way);
      const { code, output } = await runCli(['start'], environment());
      expect(code).toBe(1);
      expect(output).toMatch(/log\.json.*[Rr]estore (it|that file) from a copy/);
      expect(output).not.toMatch(/^ {4}at /m);
    });
  }

  it('of the log, a byte in what was acknowledged, are refused with a sentence that names the file and the byte', async () => {
    given();
    const path = join(dir, 'log/telemetry-0', '00000000000000000000.log');
    damage(path, 'a byte');
    const { code, output } = await runCli(['start'], environment());
    expect(code).toBe(1);
    expect(output).toMatch(
      /00000000000000000000\.log: damaged block.*at byte \d+.*Nothing was changed\. Check the disk, restore/,
    );
    expect(output).not.toMatch(/^ {4}at /m);
  });

  for (const way of ['truncation', 'absence'] as const) {
    it(`of the log's end, ${way}, are said with what is missing, and the tables that have seen it are kept`, async () => {
      given();
      const path = join(dir, 'log/telemetry-0', '00000000000000000000.log');
      damage(path, way);
      const { url, output } = await start();
      if (way === 'truncation')
        expect(output()).toMatch(/torn and is cut off.*file=\S+ byte=\d+ bytesCut=\d+ recordsCut=/);
      expect(output()).toMatch(/acknowledged records are missing at the end of the log.*recordsMissing=\d+/);
      expect(output()).toMatch(
        /tables are ahead of the log: acknowledged records are missing.*projection=points generation=1/,
      );
      const { notices } = (await (await fetch(`${url}/readyz`)).json()) as { notices: { detail: string }[] };
      expect(notices.map(({ detail }) => detail).join('\n')).toMatch(/kept as generation 1 of points.*Restore the log/);
      // and what was announced and has not come is missing
      const said = { state: 'finished', reason: '', exitCode: 0, wholeRun: false } as const;
      const data = { ...said, lastTelemetrySeq: batches, lastRunsSeq: 2 };
      await postEvents(url, [{ name: 'RunFinished', subject: run, data, writer: writerOf('w', 2, 0) }]);
      const asked = 'query($id: ID!) { run(id: $id) { completeness { complete batchesMissing } } }';
      await expect
        .poll(async () => (await gql(url, asked, { id: run }))['run']?.completeness)
        .toEqual({ complete: false, batchesMissing: way === 'absence' ? batches : expect.any(Number) });
    });
  }
});
