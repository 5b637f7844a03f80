import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventName } from '#libs/domain/event.js';
import { shapeOf } from '#libs/domain/event-shape.js';
import { Rejection } from '#libs/domain/rejection.js';
import { readJsonPayload } from '#libs/domain/wire/json-payload.js';
import { decodePayload, encodePayload, eventNames } from '#libs/domain/wire/payload-codec.js';
import { jsonEventReaders, protobufEventReaders, type ReadEvent } from './read-events.js';

let ids = 0;
const read = (body: unknown): readonly ReadEvent[] =>
  jsonEventReaders(body, 1_000, () => `id${++ids}`).map((each) => each());
const one = (type: string, data: unknown, more: object = {}): ReadEvent =>
  read({ type: `runstream.${type}.v1`, subject: 'r', data, ...more })[0]!;
const refusal = (event: ReadEvent): Rejection => {
  if (!('rejection' in event)) throw new Error('it was accepted');
  return event.rejection;
};

const fieldsOf = (name: EventName): string[] =>
  name === 'PointsLogged'
    ? ['blocks', 'metrics', 'step', 'time', 'everyValue']
    : name === 'LinesLogged'
      ? ['lines']
      : Object.keys(shapeOf(name));
/** Payloads that have the right names with anything in them: the wrong ones go deepest. */
const almost = fc.constantFrom(...eventNames).chain((name) =>
  fc.record({
    name: fc.constant(name),
    data: fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.dictionary(fc.constantFrom('odd', '__proto__', ...fieldsOf(name)), fc.jsonValue({ maxDepth: 3 })),
    ),
  }),
);

describe('the JSON door', () => {
  it('accepts any JSON value or refuses it with the place, and throws nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (body) => {
        for (const [index, event] of read(body).entries())
          if ('rejection' in event) expect(event.rejection.field).toMatch(new RegExp(`^events\\[${index}\\]\\.`));
      }),
      { numRuns: 300 },
    );
  });

  it('accepts any payload of any event or refuses it with the field in the message', () => {
    fc.assert(
      fc.property(almost, ({ name, data }) => {
        const event = one(name, data, name === 'ProjectCreated' ? { subject: 'p' } : {});
        if (!('rejection' in event)) return;
        expect(event.rejection.field).toMatch(/^events\[0\]\.data/);
        expect(event.rejection.message).toContain(event.rejection.field);
      }),
      { numRuns: 1_500 },
    );
  });

  it('accepts any attributes or refuses them with the place', () => {
    const attribute = fc.constantFrom(
      'id',
      'source',
      'subject',
      'time',
      'writer',
      'reply',
      'data_base64',
      'specversion',
    );
    fc.assert(
      fc.property(fc.dictionary(attribute, fc.jsonValue({ maxDepth: 1 })), (more) => {
        const event = one('RunArchived', {}, more);
        if ('rejection' in event) expect(event.rejection.field).toMatch(/^events\[0\]\./);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['RunStarted', { project: 5 }, 'data.project'],
    ['RunStarted', { project: 'p', environment: { git: { dirty: 'yes' } } }, 'data.environment.git.dirty'],
    ['RunStarted', { project: 'p', parms: {} }, 'data.parms'],
    ['RunStarted', { project: 'p', params: [{ key: 'a', json: '{' }] }, 'data.params[0].json'],
    ['RunStarted', { project: 'p', tags: { a: 1 } }, 'data.tags.a'],
    ['RunFinished', { state: 'done' }, 'data.state'],
    ['PointsLogged', { step: 1.5, metrics: { a: 1 } }, 'data.step[0]'],
    ['PointsLogged', { step: 1, metrics: { a: null } }, 'data.metrics.a'],
    ['PointsLogged', { step: 1, metrics: { a: 1 }, steps: 2 }, 'data.steps'],
    ['PointsLogged', { blocks: [{ keys: ['a'], steps: [1], values: [[1, 2]] }] }, 'data.blocks[0].values[0]'],
    [
      'PointsLogged',
      { blocks: [{ keys: ['a'], steps: [1], values: [[1]], everyValue: 1 }] },
      'data.blocks[0].everyValue',
    ],
    ['LinesLogged', { lines: [{ text: 'a', timeMs: 'now' }] }, 'data.lines[0].timeMs'],
    ['LinesLogged', { lines: [{ text: 'a', stream: 'log' }] }, 'data.lines[0].stream'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'picture', text: 'x' }] }, 'data.values[0].kind'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'image' }] }, 'data.values[0].text'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'image', data: 'no base64!' }] }, 'data.values[0].data'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'image', data: 'aaaa', text: 'x' }] }, 'data.values[0].text'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'image', digest: 'md5:1' }] }, 'data.values[0].digest'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'text', index: 2, count: 2 }] }, 'data.values[0].index'],
    ['ValuesLogged', { values: [{ key: 'a\n', kind: 'text' }] }, 'data.values[0].key'],
    ['ValuesLogged', { values: [{ key: 'a', kind: 'text', step: 0.5 }] }, 'data.values[0].step'],
    ['NoteSet', { text: 'half \ud800' }, 'data.text'],
    ['LinesLogged', { lines: [{ text: 'half \udc00' }] }, 'data.lines[0].text'],
    ['PointsLogged', { step: 1, metrics: { 'a\ud800': 1 } }, 'data.blocks[0].keys[0]'],
    ['ArtifactLogged', { name: 'a', digest: 'md5:1' }, 'data.digest'],
  ])('names the field of a wrong %s %j: %s', (name, data, field) => {
    expect(refusal(one(name, data)).field).toBe(`events[0].${field}`);
  });

  it.each(['2026', '1', '2026-01-31T12:00:00', 'yesterday', '2026-13-01T00:00:00Z'])('refuses the time %s', (time) => {
    expect(refusal(one('RunArchived', {}, { time }))).toMatchObject({ field: 'events[0].time' });
  });

  it('refuses a param that is nested too deeply to be printed again', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 20_000; level++) deep = [deep];
    expect(refusal(one('RunStarted', { project: 'p', params: { deep } })).field).toBe('events[0].data.params.deep');
    const json = '['.repeat(5_000) + ']'.repeat(5_000);
    expect(refusal(one('ParamsLogged', { params: [{ key: 'deep', json }] })).field).toBe(
      'events[0].data.params[0].json',
    );
  });

  it('refuses a request of too many events as a whole', () => {
    expect(() => read(new Array(10_001).fill({}))).toThrow(/at most 10000/);
  });

  it('says the same through Protobuf and back', () => {
    const key = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[\u0000-\u001f\u007f]/.test(text));
    const text = fc.string({ unit: 'grapheme', maxLength: 30 });
    const started = fc.record({
      project: fc.constant('p'),
      name: text,
      notes: text,
      tags: fc.dictionary(key, text),
      params: fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })),
      worldSize: fc.nat({ max: 1_000 }),
      fromStep: fc.maxSafeInteger(),
      hasFromStep: fc.boolean(),
      labels: fc.array(text, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(started, (json) => {
        const data = readJsonPayload('RunStarted', JSON.parse(JSON.stringify(json)));
        const back = decodePayload('RunStarted', encodePayload('RunStarted', data));
        for (const field of Object.keys(json)) expect(back[field as never], field).toEqual(data[field as never]);
        expect(back.params.map(({ key: name, json: value }) => [name, JSON.parse(value)])).toEqual(
          Object.entries(JSON.parse(JSON.stringify(json.params)) as object),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('says the same points through Protobuf and back, to the bit', () => {
    const value = fc.double();
    const block = fc
      .tuple(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer(), { minLength: 1, maxLength: 5 }),
      )
      .chain(([keys, steps]) =>
        fc.record({
          keys: fc.constant(keys),
          steps: fc.constant(steps),
          values: fc.array(fc.array(value, { minLength: steps.length, maxLength: steps.length }), {
            minLength: keys.length,
            maxLength: keys.length,
          }),
        }),
      );
    const said = (number: number): unknown => (Number.isFinite(number) ? number : String(number));
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 3 }), (blocks) => {
        const json = blocks.map(({ values, ...rest }) => ({
          ...rest,
          values: values.map((column) => column.map(said)),
        }));
        const data = readJsonPayload('PointsLogged', { blocks: json });
        const back = decodePayload('PointsLogged', encodePayload('PointsLogged', data));
        expect(back.blocks.map(({ keys, steps }) => [keys, [...steps]])).toEqual(
          blocks.map(({ keys, steps }) => [keys, steps]),
        );
        back.blocks.forEach((read, index) =>
          blocks[index]!.values.flat().forEach((number, at) => expect(Object.is(read.values[at], number)).toBe(true)),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('the Protobuf door', () => {
  it('reads any bytes as events or refusals, or refuses the frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          protobufEventReaders(bytes, 1_000).map((each) => each());
        } catch (error) {
          expect(error).toBeInstanceOf(Rejection);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
