import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { toRecord } from '#libs/log/event-record.js';
import { encodePayload } from '#libs/domain/wire/payload-codec.js';
import { block, gql, points, postEvents, started, writerOf, type TestEvent } from '../rigs/client.js';
import { openClickHouseRig, type ClickHouseRig } from '../rigs/clickhouse-rig.js';
import { openClusterRig, type ClusterRig } from '../rigs/cluster-rig.js';
import { askEngineHost } from '../rigs/engine-host.js';
import { kafkaMissing } from '../rigs/kafka-rig.js';
import { postgresMissing } from '../rigs/postgres-rig.js';
import { openPython } from '../rigs/python-rig.js';
import { settled } from './checks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const partitions = 2;
const name = `direct-${process.pid}`;

describe.skipIf(kafkaMissing() ?? postgresMissing())('records that no door has seen', () => {
  let cluster: ClusterRig;
  let clickhouse: ClickHouseRig;
  let broker: string;
  let runs: string;
  beforeAll(async () => {
    const host = inject('engineHost');
    [broker, runs, clickhouse] = await Promise.all([
      askEngineHost(host, '/kafka'),
      askEngineHost(host, `/postgres?name=${name}`),
      openClickHouseRig(),
    ]);
    const engines = { log: `kafka://${broker}/${name}`, runs, metrics: clickhouse.url };
    cluster = await openClusterRig({ engines, environment: { RUNSTREAM_LOG_PARTITIONS: String(partitions) } });
  });
  afterAll(async () => {
    await cluster?.close();
    await clickhouse?.close();
  });

  /** Runs a training process to its end and waits until its sender has delivered everything. */
  async function train(
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { NODE_OPTIONS: _, VITEST: __, ...inherited } = process.env;
    const child = spawn(command, args, {
      cwd: root,
      env: { ...inherited, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code, said).toBe(0);
  }
  const accepted = async (): Promise<number> => {
    const text = await (await fetch(`${cluster.processes.get('ingest-0')!.url}/metrics`)).text();
    return Number(/^runstream_ingest_events_total\{result="accepted"\} (\d+)/m.exec(text)?.[1] ?? 0);
  };

  async function trained(run: string, steps: number): Promise<void> {
    await settled(cluster.url);
    const shown = await gql(
      cluster.url,
      `query($run: ID!) { run(id: $run) { status completeness { batchesMissing gaps { writer } } summary { key count last }
         loss: points(key: "loss", first: 10000) { step value } } }`,
      { run },
    );
    const all = Array.from({ length: steps }, (_, step) => step);
    expect(shown['run']).toEqual({
      status: 'FINISHED',
      completeness: { batchesMissing: 0, gaps: [] },
      summary: [
        { key: 'acc', count: steps, last: (steps - 1) * 2 },
        { key: 'loss', count: steps, last: steps - 0.5 },
      ],
      loss: { step: all, value: all.map((step) => step + 0.5) },
    });
  }

  it('arrive whole from the Python SDK, with the same accounting; the door sees the life of the run only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runstream-direct-'));
    const before = await accepted();
    const args = [
      'test/recovery/direct/writer.py',
      cluster.url,
      cluster.environment['RUNSTREAM_LOG']!,
      'py',
      '3000',
      folder,
    ];
    await train(openPython(), args, { PYTHONPATH: join(root, 'libs/sdk-python') });
    await expect.poll(() => readdirSync(join(folder, 'spool'))).toEqual([]);
    await trained('py', 3_000);
    // RunStarted, ProjectCreated is the door's own, RunFinished
    expect((await accepted()) - before).toBe(2);
    rmSync(folder, { recursive: true });
  });

  it('arrive whole from the TypeScript SDK', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runstream-direct-'));
    const before = await accepted();
    const args = [
      '--conditions=source',
      '--import',
      'tsx',
      'test/recovery/direct/writer.ts',
      cluster.url,
      'ts',
      '3000',
      folder,
    ];
    await train(process.execPath, args, { RUNSTREAM_KAFKA: cluster.environment['RUNSTREAM_LOG']! });
    await expect.poll(() => readdirSync(join(folder, 'spool'))).toEqual([]);
    await trained('ts', 3_000);
    expect((await accepted()) - before).toBe(2);
    rmSync(folder, { recursive: true });
  });

  it('that are repeated, in another order, damaged, too new or beyond the limits: the good ones count once, the others are set aside and named', async () => {
    const producer = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const pids = [...cluster.processes.values()].map(({ pid }) => pid);
    await postEvents(cluster.url, [started('odd', 'direct', writerOf('w', 1))]);
    const good = (seq: number, key = 'x') => points('odd', writerOf('w', seq), [block([key], [seq], () => seq)]);
    const send = async (event: TestEvent, change: (record: Made) => object = (same) => same): Promise<void> => {
      const made = recordOf(event);
      await producer.send({
        topic: `${name}.${made.topic}`,
        acks: -1,
        messages: [{ ...made.message, ...change(made) }],
      });
    };
    const headers = (type: string) => (made: Made) => ({
      headers: { ...made.message.headers, ce_type: type },
    });
    for (const seq of [4, 2, 2, 3, 1, 4, 4]) await send(good(seq));
    await send(good(5), () => ({ value: Buffer.from('\xff\xff not protobuf', 'latin1') }));
    await send(good(6), headers('runstream.PointsLogged.v7'));
    await send(good(7), headers('runstream.Unheard.v1'));
    await send(good(8), () => ({ headers: {} }));
    await send(good(9), headers('runstream.NoteSet.v1'));
    await send(good(10, 'k'.repeat(600)));
    await send(points('odd', writerOf('w', 11, 9_000_000), [block(['x'], [11], () => 11)]));
    await send(good(5), () => ({ headers: { ...recordOf(good(5)).message.headers, ce_time: 'yesterday' } }));
    await send(good(12));
    await producer.disconnect();
    await settled(cluster.url);

    const { run } = await gql(
      cluster.url,
      '{ run(id: "odd") { points(key: "x") { step value } metricKeys completeness { gaps { fromSeq toSeq } } summary { key count } } }',
    );
    expect(run.points).toEqual({ step: [1, 2, 3, 4, 12], value: [1, 2, 3, 4, 12] });
    expect(run.metricKeys).toEqual(['x']);
    expect(run.summary).toEqual([{ key: 'x', count: 5 }]);
    expect(run.completeness.gaps).toEqual([{ fromSeq: 5, toSeq: 11 }]);

    const client = new pg.Client({ connectionString: runs });
    await client.connect();
    const { rows } = await client.query<{ family: string; reason: string }>(
      `select split_part(projection, '@', 1) as family, reason from runstream.dead_letters order by family, "offset"`,
    );
    await client.end();
    for (const family of ['runs', 'points']) {
      const reasons = rows
        .filter((row) => row.family === family)
        .map(({ reason }) => reason)
        .join('\n');
      expect(reasons.split('\n')).toHaveLength(8);
      for (const reason of [
        /PointsLogged/,
        /version 7 is newer than this program reads \(1\); upgrade Runstream, then run "runstream rebuild"/,
        /unknown event type "runstream.Unheard.v1"/,
        /without ce_id or ce_type/,
        /NoteSet does not belong on topic telemetry/,
        /keys\[0\]/,
        /rank/,
        /ce_time "yesterday" is not a time/,
      ])
        expect(reasons).toMatch(reason);
    }
    // nobody had to be started again
    expect([...cluster.processes.values()].map(({ pid }) => pid)).toEqual(pids);
    for (const pid of pids) process.kill(pid, 0);
  });
});

type Made = ReturnType<typeof recordOf>;

/** What a correct producer writes. */
function recordOf<Name extends TestEvent['name']>(event: TestEvent<Name>) {
  const head = {
    id: `${event.subject}-${event.writer?.seq}`,
    source: 'direct',
    subject: event.subject,
    timeMs: 1_000,
    reply: false,
  };
  const payload = encodePayload(event.name, event.data);
  const made = toRecord({ ...head, name: event.name, writer: event.writer ?? null, payload }, () => partitions);
  const { topic, partition, key, headers, value } = made;
  return {
    topic,
    message: { partition, key, headers: { ...headers } as Record<string, string>, value: Buffer.from(value) },
  };
}
