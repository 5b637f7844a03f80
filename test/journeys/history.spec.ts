import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventData, Writer } from '#libs/domain/event.js';
import { block, gql, points, postEvents, started, writerOf, type TestEvent } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

interface Attempt {
  readonly number: number;
  readonly startedAt: number;
  readonly nextStep: number | null;
}
/** Begins an attempt as an SDK does: the server numbers it, stamps it, and says where the run goes on. */
async function begin(run: string, launch: string, timeMs: number, more: Partial<EventData['RunStarted']> = {}) {
  const event = started(run, 'history', writerOf(launch, 1, 0, 0), { launch, ...more });
  const { results } = await postEvents(url, [{ ...event, id: `${run}-${launch}`, reply: true, timeMs }]);
  const { attempt, attemptStartedAtMs, nextStep, hasNextStep } = results[0]!;
  return { number: attempt!, startedAt: attemptStartedAtMs!, nextStep: hasNextStep ? nextStep! : null };
}
const writer = (launch: string, attempt: Attempt, seq: number): Writer => writerOf(launch, seq, 0, attempt.number);
function logged(
  run: string,
  launch: string,
  attempt: Attempt,
  seq: number,
  key: string,
  steps: number[],
  value: number,
) {
  const event = points(run, writer(launch, attempt, seq), [block([key], steps, () => value)]);
  return { ...event, data: { ...event.data, attemptStartedAtMs: attempt.startedAt } };
}
const ended = (run: string, launch: string, attempt: Attempt, timeMs: number, state = 'finished'): TestEvent => ({
  name: 'RunFinished',
  subject: run,
  timeMs,
  writer: writer(launch, attempt, 2),
  data: { state, reason: '', lastTelemetrySeq: 1, lastRunsSeq: 2, exitCode: 0, wholeRun: false },
});
const heard = (run: string, launch: string, attempt: Attempt, seq: number): TestEvent => ({
  name: 'HeartbeatSent',
  subject: run,
  writer: writer(launch, attempt, seq),
  data: { lastStep: 0, spooledBytes: 0 },
});

async function look(run: string, key: string, at: string) {
  const answer = await gql(
    url,
    `query($id: ID!, $key: String!, $at: String) { run(id: $id, at: $at) { status endedAt
      attempts { number state } points(key: $key, first: 10000) { step value } metric(key: $key) { last } } }`,
    { id: run, key, at },
  );
  return answer['run'] as {
    status: string;
    endedAt: number | null;
    attempts: { number: number; state: string }[];
    points: { step: number[]; value: number[] };
    metric: { last: number };
  };
}
const sql = async (text: string): Promise<string> =>
  (await fetch(`${url}/clickhouse`, { method: 'POST', body: text })).text();

it('an evaluation that joins a run hides nothing of its training, and its end does not end the run', async () => {
  const train = await begin('joined', 'train', 1_000);
  await postEvents(url, [
    logged('joined', 'train', train, 1, 'loss', range(0, 50), 1),
    heard('joined', 'train', train, 2),
  ]);
  const evaluation = await begin('joined', 'eval', 2_000);
  const { position } = await postEvents(url, [
    logged('joined', 'eval', evaluation, 1, 'acc', [0, 10, 20], 2),
    ended('joined', 'eval', evaluation, 2_100),
  ]);
  const during = await look('joined', 'loss', position);
  expect(during.points.step).toEqual(range(0, 50));
  expect((await look('joined', 'acc', position)).points.step).toEqual([0, 10, 20]);
  expect(during).toMatchObject({ status: 'RUNNING', endedAt: null });
  expect(during.attempts).toEqual([
    { number: 1, state: 'running' },
    { number: 2, state: 'finished' },
  ]);
  const after = await postEvents(url, [ended('joined', 'train', train, 3_000)]);
  expect(await look('joined', 'loss', after.position)).toMatchObject({ status: 'FINISHED', endedAt: 3_000 });
  expect(await sql("SELECT count(), min(step), max(step) FROM points WHERE run = 'joined' AND key = 'loss'")).toBe(
    '50\t0\t49\n',
  );
});

it('what a lost node delivers late comes before what was logged since, and reopens nothing', async () => {
  const restarted = await begin('late', 'restart', 5_000);
  await postEvents(url, [
    logged('late', 'restart', restarted, 1, 'loss', range(10, 30), 2),
    ended('late', 'restart', restarted, 6_000),
  ]);
  const lost = await begin('late', 'lost-node', 1_000);
  expect(lost).toMatchObject({ number: 2, startedAt: 1_000, nextStep: null });
  const { position } = await postEvents(url, [logged('late', 'lost-node', lost, 1, 'loss', range(0, 20), 1)]);
  const run = await look('late', 'loss', position);
  expect(run.points).toEqual({ step: range(0, 30), value: [...Array(10).fill(1), ...Array(20).fill(2)] });
  expect(run).toMatchObject({ status: 'FINISHED', endedAt: 6_000, metric: { last: 2 } });
  expect(run.attempts).toEqual([
    { number: 2, state: 'lost' },
    { number: 1, state: 'finished' },
  ]);
  const found = await gql(
    url,
    `{ runs(project: "history", filter: "attributes.status = 'FINISHED'") { nodes { id } } }`,
  );
  expect(found['runs'].nodes).toContainEqual({ id: 'late' });
});

it('a resume is told where the run goes on, and one that goes back takes the place of what was behind it', async () => {
  const first = await begin('resumed', 'a', 1_000);
  expect(first.nextStep).toBeNull();
  await postEvents(url, [logged('resumed', 'a', first, 1, 'loss', range(0, 40), 1)]);
  const second = await begin('resumed', 'b', 2_000);
  expect(second.nextStep).toBe(40);
  const back = logged('resumed', 'b', second, 1, 'loss', range(20, 25), 2);
  const { position } = await postEvents(url, [{ ...back, data: { ...back.data, rewindTo: 20, hasRewindTo: true } }]);
  const { points: seen } = await look('resumed', 'loss', position);
  expect(seen).toEqual({ step: range(0, 25), value: [...Array(20).fill(1), ...Array(5).fill(2)] });
});
