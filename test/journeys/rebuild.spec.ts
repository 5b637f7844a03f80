import { afterAll, beforeAll, expect, it } from 'vitest';
import { block, gql, openSocket, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

const rebuild = async (projection: string) => {
  const response = await fetch(`${url}/v1/admin/rebuild`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ projection }),
  });
  return { status: response.status, report: (await response.json()) as Record<string, unknown> };
};

it('tables are rebuilt while two writers go on and a viewer watches: identical, switched, nothing lost', async () => {
  let stop = false;
  const written = [0, 0];
  const positions: string[] = [];
  await postEvents(
    url,
    [0, 1].map((rank) => started('busy', 'p', writerOf(`w${rank}`, 1, rank), { worldSize: 2, launch: 'l' })),
  );
  const write = async (rank: number): Promise<void> => {
    while (!stop) {
      const step = written[rank]!++;
      const { results, position } = await postEvents(url, [
        points('busy', writerOf(`w${rank}`, step + 1, rank), [block(['loss'], [step], () => step + rank / 2)]),
      ]);
      expect(results).toMatchObject([{ status: 'accepted' }]);
      positions[rank] = position;
    }
  };
  const writers = [0, 1].map((rank) => write(rank));

  const client = openSocket(url);
  const seen = [new Set<number>(), new Set<number>()];
  let watchedError: unknown = null;
  const watching = (async () => {
    const frames = client.iterate<{ metricFrames: { frame: { series: { rank: number; step: number[] }[] } } }>({
      query: 'subscription { metricFrames(run: "busy", keys: ["loss"], pointsMax: 100000) { frame } }',
    });
    for await (const { data, errors } of frames) {
      if (errors) throw new Error(errors.map(({ message }) => message).join());
      for (const { rank, step } of data!.metricFrames.frame.series) for (const one of step) seen[rank]!.add(one);
    }
  })().catch((error: unknown) => (watchedError = error));
  await expect.poll(() => seen[0]!.size).toBeGreaterThan(5);

  for (const [time, projection] of ['runs', 'points', 'runs', 'points'].entries()) {
    const before = written[0]!;
    const { status, report } = await rebuild(projection);
    expect({ status, ...report }).toMatchObject({
      status: 201,
      family: projection,
      from: 1 + Math.floor(time / 2),
      to: 2 + Math.floor(time / 2),
      equal: true,
      switched: true,
    });
    expect(written[0]).toBeGreaterThan(before);
    const now = written[0]!;
    await expect.poll(() => Math.max(...seen[0]!)).toBeGreaterThan(now);
  }
  stop = true;
  await Promise.all(writers);

  const { run } = await gql(
    url,
    `query($at: String) { run(id: "busy", at: $at) {
       summary { key lastStep count min max } completeness { batchesReceived batchesMissing gaps { writer } }
       zero: points(key: "loss", rank: 0, first: 100000) { step value } one: points(key: "loss", rank: 1, first: 100000) { step value } } }`,
    { at: positions.join(',') },
  );
  const all = written[0]! + written[1]!;
  expect(run.summary).toMatchObject([{ key: 'loss', count: all, min: 0 }]);
  // telemetry of both and their two RunStarted
  expect(run.completeness).toEqual({ batchesReceived: all + 2, batchesMissing: 0, gaps: [] });
  for (const [rank, page] of [run.zero, run.one].entries()) {
    const steps = Array.from({ length: written[rank]! }, (_, step) => step);
    expect(page).toEqual({ step: steps, value: steps.map((step) => step + rank / 2) });
    await expect.poll(() => seen[rank]!.size).toBe(written[rank]);
  }
  expect(watchedError).toBeNull();
  await client.dispose();
  await watching;
});

it('refuses to rebuild what there is not', async () => {
  expect(await rebuild('nothing')).toMatchObject({ status: 404, report: { error: { field: 'projection' } } });
});
