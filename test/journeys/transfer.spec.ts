import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, runCli } from '../rigs/server-rig.js';

const shown = `query($at: String) { run(id: "moved", at: $at) {
  project name status params { key value } summary { key last min max count } completeness { batchesReceived batchesMissing }
  points(key: "loss") { step value time } } }`;

it('a run moves to another server as a file, and importing it twice changes nothing', async () => {
  const [from, to] = await Promise.all([openServerRig(), openServerRig()]);
  try {
    const values = [NaN, 1.5, -Infinity, 1 / 3];
    // in one request, whose position is of all that is read below
    const { position } = await postEvents(from.server.url, [
      started('moved', 'p', writerOf('w', 1), { name: 'x', params: [{ key: 'lr', json: '0.1' }] }),
      started('stays', 'p'),
      points('moved', writerOf('w', 1), [block(['loss'], [0, 1, 2, 3], (_, step) => values[step]!)]),
    ]);
    const before = await gql(from.server.url, shown, { at: position });
    const file = join(from.dir, 'export.jsonl');
    const environment = (url: string) => ({ RUNSTREAM_PORT: new URL(url).port });
    expect(await runCli(['export', file, 'moved'], environment(from.server.url))).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).not.toContain('stays');
    for (let time = 0; time < 2; time++) {
      const { code, output } = await runCli(['import', file], environment(to.server.url));
      expect(output).toContain('2 events accepted, 0 refused');
      expect(code).toBe(0);
    }
    await expect.poll(() => gql(to.server.url, shown)).toEqual(before);
    expect((await gql(to.server.url, '{ runs { totalCount } }'))['runs'].totalCount).toBe(1);
  } finally {
    await from.close();
    await to.close();
  }
});
