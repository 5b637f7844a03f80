import fc from 'fast-check';
import type { EventName } from '#libs/domain/event.js';
import { shapeOf, type Field, type Shape } from '#libs/domain/event-shape.js';
import { eventNames } from '#libs/domain/wire/payload-codec.js';

const texts = fc.constantFrom(
  '',
  'a',
  'b',
  'a\u0000b',
  '\u0000',
  'a\ufffdb',
  '\\u0000',
  '\u{1f600}',
  '"\'\\\n\t',
  '__proto__',
  'größe',
);
const keys = fc.constantFrom('k', 'l', 'a.b', '__proto__', 'größe', '\u{1f600}');
const jsons = fc.constantFrom(
  '1',
  '1.0',
  '"a"',
  '"a\\u0000b"',
  '"\\ud800"',
  'null',
  '[1,"\\u0000"]',
  '{"\\u0000":NaN}',
  '1e400',
  'true',
);

function valueOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'text':
      if (field.oneOf) return fc.constantFrom(...field.oneOf);
      if (field.pattern?.source.startsWith('^sha256'))
        return fc.constantFrom(`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`);
      return field.pattern || field.key
        ? fc.constantFrom('a', 'b')
        : field.required
          ? fc.constantFrom('a', 'b', 'x\u0000y')
          : texts;
    case 'integer':
      return fc.integer({ min: Math.max(0, field.min), max: Math.min(3, field.max) });
    case 'number':
      return field.odd ? fc.constantFrom(0, -0, 1, NaN, Infinity) : fc.constantFrom(0, 1.5);
    case 'boolean':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 4 });
    case 'texts':
      return fc.array(texts, { maxLength: 3 });
    case 'texts-by-key':
      return fc.dictionary(keys, texts, { maxKeys: 3 });
    case 'params':
      return fc.array(fc.record({ key: keys, json: jsons }), { maxLength: 3 });
    case 'object':
      return fc.option(shaped(field.shape));
    case 'objects':
      return fc.array(shaped(field.shape), { maxLength: 2 });
  }
}

const shaped = (shape: Shape): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, valueOf(field)])));

export interface SomeData {
  readonly name: EventName;
  readonly data: Record<string, unknown>;
}

/** An event of any kind but points and lines, of few and odd values, so that they meet; drawn from the table that says what an event holds. */
export const someData: fc.Arbitrary<SomeData> = fc
  .constantFrom(...eventNames.filter((name) => name !== 'PointsLogged' && name !== 'LinesLogged'))
  .chain((name) => shaped(shapeOf(name)).map((data) => ({ name, data })));
