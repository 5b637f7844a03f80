import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Rejection } from '#libs/domain/rejection.js';
import { Bodies, eventsBounds, queryBounds, type BodyBounds } from './bodies.js';

function sent(headers: Record<string, string>, ...chunks: readonly Buffer[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  for (const chunk of chunks) request.push(chunk);
  request.complete = true;
  request.push(null);
  return request;
}
const bodies = new Bodies();
const json = (text: string, bounds: BodyBounds = eventsBounds): Promise<unknown> =>
  bodies.use(sent({}, Buffer.from(text)), bounds, (body) => body.json());
const refusal = async (read: Promise<unknown>): Promise<Rejection> =>
  read.then(
    () => expect.fail('it was taken'),
    (error: unknown) => error as Rejection,
  );

describe('a body', () => {
  it('is what was sent, however it was packed', async () => {
    const plain = Buffer.from('{"a":[1,2,{"b":"c,[{"}]}'.repeat(1) + ' '.repeat(100_000));
    const packed = {
      gzip: gzipSync(plain),
      deflate: deflateSync(plain),
      br: brotliCompressSync(plain),
      identity: plain,
    };
    for (const [encoding, bytes] of Object.entries(packed)) {
      const read = bodies.use(sent({ 'content-encoding': encoding }, bytes), eventsBounds, (body) => body.json());
      expect(await read).toEqual({ a: [1, 2, { b: 'c,[{' }] });
    }
  });

  it('is bounded in what it inflates to, each door by its own bound', async () => {
    const bomb = gzipSync(Buffer.alloc(2 * queryBounds.inflatedBytesMax));
    const headers = { 'content-encoding': 'gzip' };
    expect(await bodies.use(sent(headers, bomb), eventsBounds, ({ bytes }) => bytes.length)).toBe(2 ** 21);
    expect((await refusal(bodies.use(sent(headers, bomb), queryBounds, () => 0))).code).toBe('TOO_LARGE');
  });

  it('is bounded to the byte, by what is said of its length and by what comes', async () => {
    const bounds = { ...eventsBounds, bytesMax: 10, inflatedBytesMax: 20 };
    const size = (headers: Record<string, string>, ...chunks: readonly Buffer[]) =>
      bodies.use(sent(headers, ...chunks), bounds, ({ bytes }) => bytes.toString());
    const [five, six] = [Buffer.from('12345'), Buffer.from('678901')];
    expect(await size({ 'content-length': '10' }, five, five)).toBe('1234512345');
    expect((await refusal(size({}, five, six))).message).toMatch(/the request body is larger than 10 bytes/);
    // before anything of it is read
    expect((await refusal(size({ 'content-length': '11' }))).message).toMatch(/content-length 11 is larger than 10/);
    const packed = gzipSync(Buffer.alloc(1_000));
    const roomy = { ...bounds, bytesMax: 1_000 };
    const inflating = bodies.use(sent({ 'content-encoding': ' GZIP ' }, packed), roomy, () => 0);
    expect((await refusal(inflating)).message).toMatch(/the inflated body is larger than 20 bytes/);
  });

  it('of JSON is made of values that count as memory too', async () => {
    const count = 900_000;
    const text = Buffer.from(`[${'1,'.repeat(count - 1)}1]`);
    const held: (() => void)[] = [];
    const hold = (): Promise<unknown> =>
      bodies.use(sent({}, text), eventsBounds, async (body) => {
        await body.json();
        await new Promise<void>((resolve) => held.push(resolve));
      });
    // 48 bytes a value: four of them and a little
    const outcomes = Array.from({ length: 5 }, () => hold().catch((error: unknown) => (error as Rejection).code));
    await expect.poll(() => held.length).toBe(4);
    expect(await Promise.race(outcomes)).toBe('LIMIT_EXCEEDED');
    for (const release of held) release();
    await Promise.all(outcomes);
  });

  it('that ends in the middle of what packed it is refused', async () => {
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'nonsense'])
      expect(
        (await refusal(bodies.use(sent({ 'content-encoding': encoding }, Buffer.from('abc')), eventsBounds, () => 0)))
          .code,
      ).toBe('INVALID_ARGUMENT');
  });

  it('of many small values is refused before they are made, in a long list as well as in one object', async () => {
    for (const text of [
      `[${'{},'.repeat(1_500_000)}{}]`,
      `{"a":[${'[],'.repeat(1_500_000)}1]}`,
      `[${'1,'.repeat(3_000_000)}1]`,
    ])
      expect((await refusal(json(text))).message).toMatch(/more than 1000000 values/);
    expect((await refusal(json('['.repeat(600)))).message).toMatch(/levels/);
  });

  it('that is a long list is parsed in pieces to the same', async () => {
    const items = Array.from({ length: 20_000 }, (_, i) => ({ i, text: `"],[{\\ ü ${i}`, list: [[i], {}] }));
    expect(await json(JSON.stringify(items))).toEqual(items);
    expect(await json(` \n${JSON.stringify(items, null, 1)}\n`)).toEqual(items);
    expect(await json(`[${' '.repeat(600_000)}]`)).toEqual([]);
  });

  const long = `"${'x'.repeat(200_000)}"`;
  it.each([
    `[${long},${long},]`,
    `[,${long},${long}]`,
    `[${long},${long},,1]`,
    `[${long},${long}}`,
    `[${long},${long}] 1`,
    `[${long},${long}],`,
    `x[${long},${long}]`,
    `"x"[${long},${long}]`,
    `[${long},${long}][]`,
    `[${long},${long}`,
    `[${long},[${long}},1]`,
    `]${long}[`,
  ])('that is no JSON is refused as by a parser: case %#', async (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect((await refusal(json(text))).message).toMatch(/not JSON/);
  });

  it('takes memory of all bodies by what has come, and gives it back', async () => {
    const mebibytes = (count: number): Buffer[] => Array.from({ length: count }, () => Buffer.alloc(1024 * 1024, 32));
    const held: (() => void)[] = [];
    const hold = (count: number): Promise<unknown> =>
      bodies.use(sent({}, ...mebibytes(count)), eventsBounds, () => new Promise<void>((resolve) => held.push(resolve)));
    const large = Array.from({ length: 6 }, () => hold(32));
    await expect.poll(() => held.length).toBe(6);
    // large ones are full; a small one still goes through
    expect((await refusal(hold(32))).code).toBe('LIMIT_EXCEEDED');
    expect(await json('[1]')).toEqual([1]);
    for (const release of held.splice(0)) release();
    await Promise.all(large);
    const again = hold(32);
    await expect.poll(() => held.length).toBe(1);
    held[0]!();
    await again;
  });
});
