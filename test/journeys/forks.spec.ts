import { afterAll, beforeAll, expect, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

const steps = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const fork = (id: string, newId: string, step: number) =>
  gql(
    url,
    'mutation($id: ID!, $new: ID!, $step: Long!) { forkRun(id: $id, newId: $new, step: $step) { position error { code message } run { id forkOf { run step } } } }',
    {
      id,
      new: newId,
      step,
    },
  ).then(({ forkRun }) => forkRun);
const shown = (id: string, at: string) =>
  gql(
    url,
    `query($id: ID!, $at: String) { run(id: $id, at: $at) {
      metricKeys series(keys: ["loss"], buckets: 3000) { x last } band(key: "loss", buckets: 3000) { x p50 }
      points(key: "loss", first: 10000) { step value hasNextPage } project children { id } } }`,
    { id, at },
  ).then(({ run }) => run);

it('a fork shows what it inherited and then its own points, through several generations', async () => {
  const write = (run: string, seq: number, from: number, to: number, value: number, attempt = 1) =>
    postEvents(url, [points(run, writerOf('w', seq, 0, attempt), [block(['loss'], steps(from, to), () => value)])]);
  await postEvents(url, [started('a', 'forks', writerOf('w', 1))]);
  await write('a', 1, 0, 100, 1);
  const b = await fork('a', 'b', 49);
  expect(b).toMatchObject({ error: null, run: { id: 'b', forkOf: { run: 'a', step: 49 } } });
  // what the parent does afterwards is not inherited
  await postEvents(url, [
    started('a', 'forks', writerOf('w', 1, 0, 2), { launch: 'again', hasFromStep: true, fromStep: 20 }),
  ]);
  await write('a', 1, 20, 100, 9, 2);
  await write('b', 1, 50, 80, 2);
  const c = await fork('b', 'c', 59);
  const { position } = await write('c', 1, 60, 70, 3);
  const run = await shown('c', `${position},${c.position}`);
  expect(run.project).toBe('forks');
  expect(run.metricKeys).toEqual(['loss']);
  expect(run.points.step).toEqual(steps(0, 70));
  expect(run.points.value).toEqual([...Array(50).fill(1), ...Array(10).fill(2), ...Array(10).fill(3)]);
  expect(run.points.hasNextPage).toBe(false);
  expect(run.series).toEqual([{ x: run.points.step, last: run.points.value }]);
  expect(run.band).toEqual({ x: run.points.step, p50: run.points.value });
  expect((await shown('a', position)).children).toEqual([{ id: 'b' }]);
});

it('pages go through the ancestors without a hole', async () => {
  const seen: number[] = [];
  for (let after: string | null = null, more = true; more;) {
    const { run }: Record<string, any> = await gql(
      url,
      'query($after: String) { run(id: "c") { points(key: "loss", first: 7, after: $after) { step endCursor hasNextPage } } }',
      { after },
    );
    seen.push(...run.points.step);
    after = run.points.endCursor;
    more = run.points.hasNextPage;
  }
  expect(seen).toEqual(steps(0, 70));
});
