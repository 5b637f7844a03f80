import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rejection } from '#libs/domain/rejection.js';
import { attributeNames, printFilter, type Filter, type Identifier } from './ast.js';
import { parseFilter, parseOrder } from './parser.js';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((value) => !value.includes('\u0000'));
const identifier: fc.Arbitrary<Identifier> = fc.oneof(
  fc.record({ kind: fc.constantFrom('metrics' as const, 'params' as const, 'tags' as const), key: text }),
  fc.record({ kind: fc.constant('attributes' as const), key: fc.constantFrom(...attributeNames) }),
);
const literal = fc.oneof(text, fc.double());
const at = fc.constant(0);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    fc.record({
      kind: fc.constant('compare' as const),
      of: identifier,
      operator: fc.constantFrom('=' as const, '!=' as const, '<' as const, '>=' as const, 'like' as const),
      value: literal,
      at,
    }),
    fc.record({
      kind: fc.constant('in' as const),
      of: identifier,
      negated: fc.boolean(),
      values: fc.array(literal, { minLength: 1, maxLength: 4 }),
      at,
    }),
    fc.record({ kind: fc.constant('null' as const), of: identifier, negated: fc.boolean() }),
    fc.record({ kind: fc.constant('not' as const), part: tie('filter') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));
const withoutPlaces = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, part: unknown) =>
      key === 'at' ? 0 : typeof part === 'number' ? `#${Object.is(part, -0) ? '-0' : part}` : part,
    ),
  );

describe('parseFilter', () => {
  it('gives the tree back that was printed', () => {
    fc.assert(
      fc.property(filter, (tree) => {
        expect(withoutPlaces(parseFilter(printFilter(tree)))).toEqual(withoutPlaces(tree));
      }),
    );
  });

  it('refuses or reads any text, and never breaks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (source) => {
        for (const parse of [parseFilter, parseOrder]) {
          try {
            parse(source);
          } catch (error) {
            expect(error).toBeInstanceOf(Rejection);
          }
        }
      }),
    );
  });

  it("reads MLflow's filters", () => {
    expect(
      parseFilter(
        `metrics."a/b" > 1 AND params.x = "1" and tags.\`mlflow.user\` = 'x' and attributes.run_id IN ('a', 'b') and run_name ILIKE '%n'`,
      ),
    ).toMatchObject({
      kind: 'and',
      parts: [
        { of: { kind: 'metrics', key: 'a/b' }, operator: '>', value: 1 },
        { of: { kind: 'params', key: 'x' }, value: '1' },
        { of: { kind: 'tags', key: 'mlflow.user' } },
        { kind: 'in', of: { kind: 'attributes', key: 'id' }, values: ['a', 'b'] },
        { of: { kind: 'attributes', key: 'name' }, operator: 'ilike' },
      ],
    });
  });

  it.each([
    ['metrics.loss << 1', 15, 'expected a value'],
    ["params.lr = 'x", 13, 'never closed'],
    ['attributes.nope = 1', 12, 'there is no attribute'],
    ['(metrics.a = 1', 15, 'expected ")"'],
    ['metrics.a = 1 params.b = 2', 15, 'expected "and"'],
    ['foo.a = 1', 1, 'is not one of'],
  ])('points at the character in %s', (source, place, message) => {
    expect(() => parseFilter(source)).toThrow(
      new RegExp(`${message.replace(/[()]/g, '\\$&')}.*at character ${place}\\n`),
    );
  });
});
