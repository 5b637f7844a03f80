import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresRunTable } from '#libs/runs/reading/postgres-run-table.js';
import { openRunProjectionFamily } from '#libs/runs/folding/run-projection.js';
import { examples } from '#libs/runs/run-table.examples.js';

/** Search among many runs: `node --conditions=source --import tsx test/load/run-search.ts [runs] [repeats]`. */
export async function measureRunSearch(runs: number, repeats: number, print: (line: string) => void): Promise<number> {
  const { database } = await openPgliteDatabase({ dir: null });
  const family = await openRunProjectionFamily({ database });
  const live = await family.live();
  const table = openPostgresRunTable({ database, generations: () => family.generations() });
  const log = examples();
  for (let i = 0; i < runs; i++) {
    const params = [
      { key: 'lr', json: String((i % 10) / 10) },
      { key: 'opt', json: i % 3 ? '"adam"' : '"sgd"' },
    ];
    log.add('RunStarted', `run-${i}`, {
      project: i % 10 === 0 ? 'small' : 'large',
      name: `n${i}`,
      params,
      tags: { team: `team-${i % 20}` },
    });
    log.points(
      `run-${i}`,
      { id: 'w', attempt: 1, rank: 0, seq: 1 },
      ['loss', 'acc'],
      [1],
      [(i * 7_919) % runs, i % 100],
    );
  }
  let events = 0;
  const started = performance.now();
  for (const [partition, records] of log.partitions()) {
    const { epoch } = await live.claim(partition);
    for (let from = 0; from < records.length; from += 500) {
      const batch = records.slice(from, from + 500);
      await live.apply({ partition, epoch, from, to: from + batch.length, records: batch });
      events += batch.length;
    }
  }
  print(
    `projected ${events} events in batches of 500: ${Math.round(events / ((performance.now() - started) / 1_000))} events/s`,
  );
  const queries = [
    { project: 'large', orderBy: 'metrics.loss asc' },
    { project: 'large', filter: `metrics.loss < ${runs / 2}`, orderBy: 'metrics.loss desc' },
    { filter: "params.opt = 'adam' and metrics.acc > 50", orderBy: 'metrics.loss asc' },
    { filter: "tags.team = 'team-3' and params.lr < 0.5", orderBy: 'attributes.started_at desc' },
    { project: 'small', filter: "attributes.status = 'FINISHED'" },
    { project: 'small', filter: 'metrics.loss < 100', orderBy: 'metrics.acc desc' },
  ];
  const all: number[] = [];
  for (const query of queries) {
    const times: number[] = [];
    for (let i = 0; i < repeats; i++) {
      const at = performance.now();
      await table.search({ ...query, archived: false, first: 50, nowMs: 1 });
      times.push(performance.now() - at);
    }
    times.sort((a, b) => a - b);
    all.push(...times);
    print(
      `p50 ${times[Math.floor(repeats / 2)]!.toFixed(1)} ms, p95 ${times[Math.floor(repeats * 0.95)]!.toFixed(1)} ms  ${JSON.stringify(query)}`,
    );
  }
  await database.close();
  all.sort((a, b) => a - b);
  return all[Math.floor(all.length * 0.95)]!;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const p95 = await measureRunSearch(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 20), print);
  print(`search.p95_ms ${p95.toFixed(1)}`);
}
