import { createClient } from '@clickhouse/client';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openClickHouseRig } from '../rigs/clickhouse-rig.js';
import { openClusterRig } from '../rigs/cluster-rig.js';
import { askEngineHost } from '../rigs/engine-host.js';
import { kafkaMissing } from '../rigs/kafka-rig.js';
import { postgresMissing } from '../rigs/postgres-rig.js';

const steps = 1_000;

/** What an operator does, or fails to do, is said by readiness, and what he took away comes back from the log. */
describe.skipIf(kafkaMissing() ?? postgresMissing())('a cluster', () => {
  it('is not ready while nobody applies records, nor while tables that were dropped are made again', async () => {
    const host = inject('engineHost');
    const name = `operator-${process.pid}`;
    const [broker, runs, clickhouse] = await Promise.all([
      askEngineHost(host, '/kafka'),
      askEngineHost(host, `/postgres?name=${name}`),
      openClickHouseRig(),
    ]);
    const cluster = await openClusterRig({
      engines: { log: `kafka://${broker}/${name}`, runs, metrics: clickhouse.url },
      counts: { projector: 1 },
      environment: { RUNSTREAM_LAG_MAX: '3', RUNSTREAM_LOG_PARTITIONS: '1' },
    }).catch(async (error: unknown) => {
      await clickhouse.close();
      throw error;
    });
    try {
      const { url } = cluster;
      const readiness = async (): Promise<{ status: number; text: string }> => {
        const answer = await fetch(`${url}/readyz`);
        return { status: answer.status, text: await answer.text() };
      };
      const ready = () => expect.poll(async () => (await readiness()).status).toBe(200);
      const batch = (run: string, seq: number, of: number[]) =>
        points(run, writerOf('w', seq, 0), [block(['loss'], of, (_, step) => step)]);
      const held = async (): Promise<unknown> => {
        const sql = await fetch(`${url}/clickhouse`, {
          method: 'POST',
          body: "SELECT count(), sum(value) FROM points WHERE run = 'r'",
        });
        const { run } = await gql(url, '{ run(id: "r") { project metric(key: "loss") { count last } } }').catch(() => ({
          run: null,
        }));
        return [(await sql.text()).trim(), run];
      };
      const whole = [
        `${steps}\t${(steps * (steps - 1)) / 2}`,
        { project: 'p', metric: { count: steps, last: steps - 1 } },
      ];

      const all = Array.from({ length: steps }, (_, step) => step);
      await postEvents(url, [started('r', 'p', writerOf('w', 1, 0)), batch('r', 1, all)]);
      await expect.poll(held).toEqual(whole);
      await ready();

      await cluster.processes.get('projector-0')!.kill('SIGKILL');
      for (let seq = 1; seq <= 6; seq++) await postEvents(url, [batch('other', seq, [seq])]);
      await expect.poll(async () => (await readiness()).text).toMatch(/records behind, more than RUNSTREAM_LAG_MAX=3/);
      expect((await readiness()).status).toBe(503);
      await cluster.restart('projector-0');
      await ready();

      const engine = new URL(clickhouse.url.replace('clickhouse:', 'http:'));
      const client = createClient({
        url: engine.origin,
        username: engine.username,
        password: engine.password,
        database: engine.pathname.slice(1),
      });
      await client.command({ query: 'DROP TABLE g1_points SYNC' });
      await client.close();
      await held(); // who asks notices
      await expect.poll(async () => (await readiness()).text).toMatch(/g1_points is missing.*made again from the log/);
      await ready();
      expect(await held()).toEqual(whole);
      expect(cluster.processes.get('projector-0')!.output()).toMatch(
        /do not hold what they held.*g1_points is missing/,
      );

      const database = new pg.Client({ connectionString: runs });
      await database.connect();
      await database.query('drop schema runs_g1 cascade');
      await database.end();
      await expect.poll(held).toEqual(whole);
      await ready();
    } catch (error) {
      const said = [...cluster.processes].map(([of, one]) => `--- ${of}\n${one.output().slice(-3_000)}`).join('\n');
      throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
    } finally {
      await cluster.close();
      await clickhouse.close();
    }
  });
});
