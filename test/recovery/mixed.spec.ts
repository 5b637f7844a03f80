import { describe, expect, inject, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openClickHouseRig } from '../rigs/clickhouse-rig.js';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { askEngineHost } from '../rigs/engine-host.js';
import { kafkaMissing } from '../rigs/kafka-rig.js';
import { postgresMissing } from '../rigs/postgres-rig.js';
import { runCli } from '../rigs/server-process.js';
import { checkRebuild } from './checks.js';

describe('a deployment that is neither embedded nor a cluster', () => {
  it.skipIf(postgresMissing())('may keep its log in a folder and its tables on servers', async () => {
    const [runs, clickhouse] = await Promise.all([
      askEngineHost(inject('engineHost'), `/postgres?name=mixed-${process.pid}`),
      openClickHouseRig(),
    ]);
    try {
      const rig = await openEmbeddedServer({ RUNSTREAM_RUNS: runs, RUNSTREAM_METRICS: clickhouse.url });
      try {
        const { position } = await postEvents(rig.server.url, [
          started('r', 'mixed', writerOf('w', 1)),
          points('r', writerOf('w', 1), [block(['loss'], [0, 1, 2], (_, step) => step / 2)]),
        ]);
        const question = 'query($at: String) { run(id: "r", at: $at) { project points(key: "loss") { step value } } }';
        const answer = { run: { project: 'mixed', points: { step: [0, 1, 2], value: [0, 0.5, 1] } } };
        expect(await gql(rig.server.url, question, { at: position })).toEqual(answer);
        await checkRebuild(rig.environment);
        // the new generations are followed: what is written now is there
        const later = await postEvents(rig.server.url, [
          points('r', writerOf('w', 2), [block(['loss'], [3], () => 9)]),
        ]);
        const { run } = await gql(rig.server.url, question, { at: later.position });
        expect(run.points).toEqual({ step: [0, 1, 2, 3], value: [0, 0.5, 1, 9] });
        await rig.server.kill();
        await rig.start();
        const { run: after } = await gql(rig.server.url, question, { at: later.position });
        expect(after.points.step).toEqual([0, 1, 2, 3]);
      } finally {
        await rig.close();
      }
    } finally {
      await clickhouse.close();
    }
  });

  it.skipIf(kafkaMissing())('takes events in with nothing but its log', async () => {
    const broker = await askEngineHost(inject('engineHost'), '/kafka');
    const rig = await openEmbeddedServer({
      RUNSTREAM_ROLES: 'ingest',
      RUNSTREAM_LOG: `kafka://${broker}/alone-${process.pid}`,
      RUNSTREAM_RUNS: 'postgres://nobody@127.0.0.1:1/none',
      RUNSTREAM_METRICS: 'clickhouse://nobody@127.0.0.1:1/none',
    });
    try {
      const event = points('r', writerOf('w', 1), [block(['loss'], [0], () => 1)]);
      expect((await postEvents(rig.server.url, [event])).results).toMatchObject([{ status: 'accepted' }]);
      expect((await fetch(`${rig.server.url}/readyz`)).status).toBe(200);
      // what has to be decided is not: the sender comes again
      await expect(postEvents(rig.server.url, [{ ...started('r', 'p'), reply: true }])).rejects.toThrow(/^503 /);
    } finally {
      await rig.close();
    }
  });

  it('is refused with what to do when several processes would share what belongs to one', async () => {
    const { code, output } = await runCli(['start'], { RUNSTREAM_LOG: 'kafka://127.0.0.1:9092' });
    expect(code).toBe(1);
    expect(output).toMatch(/RUNSTREAM_RUNS: pglite: belongs to one process.*give postgres:/);
    expect(output).toMatch(/RUNSTREAM_METRICS: chdb: belongs to one process.*give clickhouse:/);
    const alone = await runCli(['start'], { RUNSTREAM_ROLES: 'gateway' });
    expect(alone.code).toBe(1);
    expect(alone.output).toMatch(/no other one could be ingest or projector/);
    const address = await runCli(['start'], {
      RUNSTREAM_LOG: 'kafka://broker',
      RUNSTREAM_RUNS: 'postgres://h/d',
      RUNSTREAM_METRICS: 'clickhouse://h/d',
    });
    expect(address.code).toBe(1);
    expect(address.output).toMatch(/RUNSTREAM_LOG: broker "broker" is not host:port/);
  });
});
