import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Receiver } from './receiver.js';
import {
  Audio,
  ConfusionMatrix,
  Curve,
  Figure,
  Histogram,
  Html,
  Image,
  init,
  Points3D,
  Table,
  Text,
  Video,
} from './sdk.js';

describe('values that are no numbers', () => {
  let receiver: Receiver;
  let dir: string;
  let url: string;
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.listen();
    dir = mkdtempSync(join(tmpdir(), 'runstream-rich-'));
  });
  afterEach(async () => {
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const start = () =>
    init({ project: 'p', url, dir, captureConsole: false, captureEnvironment: false, captureSystem: false });
  const grey = (...data: number[]): Image =>
    new Image({ data: Uint8Array.from(data), width: data.length, height: 1, channels: 1 });
  const values = () => receiver.named('ValuesLogged').flatMap((data) => data.values);

  it('arrive once, as they were logged, small ones with the event and large ones as files', async () => {
    const film = Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42', 'latin1'), Buffer.alloc(50_000, 7)]);
    writeFileSync(join(dir, 'film.mp4'), film);
    const page = `<h1>${'x'.repeat(70_000)}`;
    const run = start();
    run.log({ loss: 0.5, said: 'größe 🚀', nested: { image: grey(0, 255) }, many: [grey(1), grey(2)] }, 7);
    run.log({ film: new Video(join(dir, 'film.mp4')), page: new Html(page, 'a "cap"') });
    run.log({
      table: new Table([{ a: 1 }, { a: 2, b: 'x' }]),
      figure: new Figure({ data: [] }),
      cloud: new Points3D([[1, 2, 3]]),
      matrix: new ConfusionMatrix(
        [
          [1, 0],
          [2, 3],
        ],
        ['cat', 'dog'],
      ),
      curve: new Curve([0, 1], [1, 0], { xLabel: 'recall' }),
      tone: new Audio(Buffer.from('RIFF0000WAVEfmt ', 'latin1')),
    });
    expect(await run.finish()).toBe(true);
    const found = new Map(values().map((value) => [`${value.key} ${value.index}`, value]));
    expect([values().length, found.size]).toEqual([12, 12]);
    expect(found.get('said 0')).toMatchObject({ kind: 'text', text: 'größe 🚀', step: 7, count: 1 });
    expect(found.get('many 1')).toMatchObject({ kind: 'image', mime: 'image/png', count: 2, facts: { width: '1' } });
    const png = Buffer.from(found.get('nested.image 0')!.data);
    expect([...inflateSync(png.subarray(png.indexOf('IDAT') + 4))]).toEqual([0, 0, 255]);
    expect(JSON.parse(found.get('table 0')!.text)).toEqual({
      columns: ['a', 'b'],
      rows: [
        [1, null],
        [2, 'x'],
      ],
    });
    expect(found.get('table 0')!.step).toBe(9);
    for (const [key, content, mime] of [
      ['film 0', film, 'video/mp4'],
      ['page 0', Buffer.from(page), 'text/html'],
    ] as const) {
      const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
      expect(found.get(key)).toMatchObject({ digest, sizeBytes: content.length, mime, text: '' });
    }
    expect(receiver.points()).toEqual([['loss', 7, 0.5]]);
    receiver.expectNoGaps();
    const [end] = receiver.named('RunFinished');
    const telemetry = [...receiver.events.keys()].filter((id) => id.includes('-telemetry-'));
    expect(end!.lastTelemetrySeq).toBe(telemetry.length);
  });

  it('count what is finite into a histogram, and NaN and infinities apart', () => {
    const { content, facts } = new Histogram([1, 1.5, 2, 2, 2, NaN, -Infinity], 2);
    expect(JSON.parse(content as string)).toEqual({ edges: [1, 1.5, 2], counts: [1, 4] });
    expect(facts).toMatchObject({ count: '5', nan: '1', infinite: '1', min: '1', max: '2', mean: '1.7' });
    expect(JSON.parse(new Histogram([], 1).content as string)).toEqual({ edges: [0, 1], counts: [0] });
    expect(JSON.parse(new Histogram({ counts: [3], edges: [0, 1] }).content as string).counts).toEqual([3]);
  });

  it.each([
    ['bytes that are no image', () => new Image(Buffer.from('nothing'))],
    ['too few pixels', () => new Image({ data: new Uint8Array(3), width: 2, height: 1 })],
    ['no bins', () => new Histogram([1], 0)],
    ['edges that do not grow', () => new Histogram({ counts: [1, 1], edges: [0, 2, 1] })],
    ['rows of different lengths', () => new Table([[1, 2], [3]])],
    ['points in a plane', () => new Points3D([[1, 2]])],
    ['a matrix without a class', () => new ConfusionMatrix([[1]], ['a', 'b'])],
    ['x without y', () => new Curve([1], [])],
  ])('are refused where they are made: %s', (_, make) => {
    expect(make).toThrow(RangeError);
  });

  it('that wait as files are bounded as the spool is, and what is dropped is counted', async () => {
    const run = init({
      project: 'p',
      url,
      dir,
      mode: 'offline',
      captureConsole: false,
      captureEnvironment: false,
      spoolBytesMax: 24 << 20,
    });
    for (let step = 0; step < 30; step++) run.log({ large: String(step % 10).repeat(1_500_000), loss: step }, step);
    const kept = readdirSync(run.spool!.folder).filter((name) => name.startsWith('file-')).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept * 1_500_000).toBeLessThanOrEqual(24 << 20);
    expect(run.dropped).toBe(30 - kept);
    await run.finish();
  });

  it('lose only themselves where log() can not keep them', async () => {
    const run = start();
    run.log({ mixed: [grey(1), 3] as never, list: [1, 2] as never, empty: [] as never, kept: new Text('words') });
    expect(await run.finish()).toBe(true);
    expect(values().map(({ key }) => key)).toEqual(['kept']);
    expect(run.skipped).toBe(3);
  });
});
