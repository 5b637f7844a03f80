import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Receiver } from './receiver.js';
import type { Run } from './run.js';
import { init, type InitOptions } from './sdk.js';
import { jsonText } from './values.js';

const loop: Record<string, unknown> = { lr: 0.1 };
loop['self'] = loop;
class Trainer {
  readonly width = 64;
  get broken(): never {
    throw new Error('no');
  }
}
const hostile = Object.defineProperty({}, 'x', {
  enumerable: true,
  get: () => {
    throw new Error('no');
  },
});
const odd: readonly unknown[] = [
  ...[
    null,
    undefined,
    true,
    0,
    -0,
    NaN,
    1.5,
    2n ** 70n,
    '',
    'text',
    'nu\0l',
    '\ud800',
    'x'.repeat(100_000),
    [],
    [1, [2]],
  ],
  ...[{}, { a: { b: Symbol('s') } }, loop, hostile, new Map([[1, 2]]), new Set([3]), new Date(0), new Date(NaN)],
  ...[new Trainer(), Trainer, () => 1, Symbol('s'), /r/, new Error('e'), new URL('http://x/'), Buffer.from('b')],
  ...[
    new Float32Array(2),
    new BigInt64Array(1),
    Object.create(null),
    Promise.resolve(),
    new WeakMap(),
    new Proxy({}, {}),
  ],
];
const any = (value: unknown): never => value as never;

/** Every public call of a run, with odd values in every place. */
function callAll(run: Run, value: unknown, other: unknown): void {
  const key = typeof value === 'symbol' ? 'k' : any(value);
  run.log(any(value));
  run.log({ odd: any(value) }, any(other));
  run.log({ odd: 1 }, any(value));
  run.config['c'] = value;
  run.summary['s'] = { nested: value };
  run.tags.add(any(value), any(other));
  run.tags.set(key, any(other));
  run.tags.remove(any(value));
  run.note(any(value));
  run.rename(any(value));
  run.useArtifact(any(value), any(other), any(value));
  run.useArtifact(`sha256:${'0'.repeat(64)}`, any(value), any(other));
  run.logArtifact(any(value));
  run.logArtifact(import.meta.filename, { name: any(value), type: any(other), metadata: any(value), step: any(other) });
  run.logArtifact(import.meta.filename, any(value));
}

describe('TypeScript SDK, odd values', () => {
  let receiver: Receiver;
  let dir: string;
  let base: InitOptions;
  beforeEach(async () => {
    receiver = new Receiver();
    dir = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
    base = {
      project: 'p',
      url: await receiver.listen(),
      dir,
      captureConsole: false,
      captureEnvironment: false,
      captureSystem: false,
    };
  });
  afterEach(async () => {
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const params = (): Record<string, string> =>
    Object.fromEntries(
      [...receiver.named('RunStarted'), ...receiver.named('ParamsLogged')].flatMap((data) =>
        data.params.map(({ key, json }) => [key, json]),
      ),
    );

  it('keeps the form of what a config holds', async () => {
    const config = {
      big: 2n ** 63n - 1n,
      loop,
      map: new Map<unknown, unknown>([['a', 1]]),
      set: new Set(['v', 'q']),
      day: new Date(0),
      list: [1, () => 2, [undefined]],
      cells: new Float32Array([0.5, 1]),
      odd: [NaN, -Infinity],
      trainer: new Trainer(),
      error: new TypeError('x'),
      token: 'hf_0123456789abcdefghij',
      url: 'postgres://me:hunter2@host/db',
    };
    const run = init({ ...base, config });
    expect(await run.finish()).toBe(true);
    expect(params()).toEqual({
      big: '9223372036854775807',
      'loop.lr': '0.1',
      'loop.self': '"<loop>"',
      'map.a': '1',
      set: '["q","v"]',
      day: '"1970-01-01T00:00:00.000Z"',
      list: '[1,"function",[null]]',
      cells: '[0.5,1]',
      odd: '["NaN","-Infinity"]',
      'trainer.width': '64',
      error: '"TypeError: x"',
      token: '"***"',
      url: '"postgres://me:***@host/db"',
    });
  });

  it('writes JSON of any value', () => {
    for (const value of odd) expect(() => JSON.parse(jsonText(value)) as unknown).not.toThrow();
    expect(jsonText([1n, { a: 2n ** 64n }])).toBe('[1,{"a":18446744073709551616}]');
  });

  it('throws at no call, whatever it is given, and delivers all else', async () => {
    const run = init({
      ...base,
      name: any(5),
      tags: any([1, {}]),
      notes: any(loop),
      config: any(odd),
      group: any(null),
      user: any({}),
    });
    odd.forEach((value, index) => {
      callAll(run, value, odd[(index * 7 + 3) % odd.length]);
      run.log({ good: index }, index);
      run.tags.set(`round${index}`, String(index));
    });
    expect(await run.finish({ state: any('odd'), reason: any(loop), exitCode: any('1'), timeoutMs: 50_000 })).toBe(
      true,
    );
    expect(receiver.points().filter(([key]) => key === 'good')).toHaveLength(odd.length);
    const tags = receiver.named('TagsSet').flatMap((data) => Object.keys(data.tags));
    expect(tags).toEqual(expect.arrayContaining(odd.map((_, index) => `round${index}`)));
    expect(receiver.named('RunFinished')).toMatchObject([{ state: 'failed', exitCode: 1 }]);
    receiver.expectNoGaps();
  });

  it.each([
    [{ mode: any('x') }, 'mode'],
    [{ id: 'a b' }, 'id'],
    [{ rank: -1 }, 'rank'],
    [{ worldSize: 1.5 }, 'worldSize'],
    [{ fromStep: any('x') }, 'fromStep'],
    [{ url: 'ftp://x' }, 'url'],
    [{ costPerHour: any('much') }, 'costPerHour'],
  ])('refuses a setting that cannot be right by its name: %o', (settings: InitOptions, name) => {
    expect(() => init({ ...base, mode: 'offline', ...settings })).toThrow(new RegExp(`^${name}:`));
  });

  it('splits what is too large for one record', async () => {
    const run = init({
      ...base,
      config: {
        folds: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, 'sample '.repeat(8_000)])),
        many: Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`k${i}`, i])),
        classes: Array.from({ length: 100_000 }, (_, i) => `class ${i}`),
      },
      tags: Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`t${i}`, 'v'.repeat(8_000)])),
      notes: 'ü'.repeat(150_000),
    });
    run.log({ x: 1 });
    expect(await run.finish({ timeoutMs: 50_000 })).toBe(true);
    expect(Object.keys(params())).toHaveLength(12_041);
    expect(params()['classes']).toContain('whole in the file params/classes.json');
    expect(Object.keys(Object.assign({}, ...receiver.named('TagsSet').map(({ tags }) => tags)) as object)).toHaveLength(
      1_500,
    );
    expect(receiver.points()).toHaveLength(1);
  });

  it('sets aside and counts a record that cannot be encoded, and delivers its neighbours', async () => {
    const run = init({ ...base, mode: 'offline' });
    run.log({ x: 1 });
    run.say('NoSuchEvent', {});
    run.say('ArtifactLogged', { sizeBytes: -1 });
    run.log({ x: 2 });
    await run.finish();
    await sync(run.spool!.folder, base.url!);
    expect(receiver.points()).toHaveLength(2);
    expect(receiver.named('SummarySet').at(-1)!.values).toEqual([{ key: 'runstream.set_aside_records', json: '2' }]);
    const [kept] = readdirSync(join(dir, 'set-aside'));
    expect(
      readFileSync(join(dir, 'set-aside', kept!), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(2);
    expect(receiver.named('RunFinished')).toHaveLength(1);
  });

  it('of a folder loses a link to nowhere alone, and keeps files that are refused', async () => {
    mkdirSync(join(dir, 'ckpt/sub'), { recursive: true });
    for (const name of ['a.txt', 'z.txt', 'sub/deep.txt']) writeFileSync(join(dir, 'ckpt', name), name);
    symlinkSync('/nowhere/at/all', join(dir, 'ckpt/latest'));
    symlinkSync(join(dir, 'ckpt'), join(dir, 'ckpt/sub/circle'));
    const run = init({ ...base, mode: 'offline' });
    run.logArtifact(join(dir, 'ckpt'));
    expect(run.skipped).toBe(2);
    await run.finish();
    receiver.refusesFiles = true;
    await sync(run.spool!.folder, base.url!);
    expect(existsSync(join(run.spool!.folder, 'file-1'))).toBe(true);
    receiver.refusesFiles = false;
    await sync(run.spool!.folder, base.url!);
    const names = receiver.named('ArtifactLogged').map(({ name }) => name);
    expect(names).toEqual(['ckpt/a.txt', 'ckpt/sub/deep.txt', 'ckpt/z.txt']);
    expect(existsSync(run.spool!.folder)).toBe(false);
  });

  it('says a start that was refused again when the cause is gone', async () => {
    const run = init({ ...base, mode: 'offline', config: { lr: 1 } });
    run.log({ x: 1 });
    await run.finish();
    receiver.refuse = (name) => (name === 'RunStarted' ? 'RUN_DELETED' : null);
    await expect(sync(run.spool!.folder, base.url!)).rejects.toThrow('RUN_DELETED');
    receiver.refuse = () => null;
    await sync(run.spool!.folder, base.url!);
    expect([receiver.points().length, params()]).toEqual([1, { lr: '1' }]);
  });

  it('goes on behind what is there when a resumed run counts by itself', async () => {
    receiver.attempt = 2;
    receiver.attempts = [
      { number: 1, toStep: 9 },
      { number: 2, toStep: 99 },
    ];
    const run = init({ ...base, id: `again-${process.pid}` });
    run.log({ x: 1 });
    run.log({ x: 2 });
    run.log({ x: 3 }, 100);
    run.log({ x: 4 });
    expect(await run.finish()).toBe(true);
    expect(receiver.points().map(([, step]) => step)).toEqual([10, 11, 100, 101]);
    receiver.expectNoGaps();
  });
});

async function sync(folder: string, url: string): Promise<void> {
  const { Sender } = await import('./sender.js');
  await new Sender({ folder, parentPid: 0, url, patienceMs: 5_000 }).run();
}
