import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { queryLimits, queryLimitsRule } from './query-limits.js';

const schema = buildSchema(readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8'));
const refusals = (query: string, variables: Record<string, unknown> = {}): string[] =>
  validate(schema, parse(query), [queryLimitsRule(variables)]).map(({ message }) => message);
const nested = (levels: number): string =>
  `{ run(id: "x") ${'{ children '.repeat(levels)} { id } ${'}'.repeat(levels)} }`;

describe('limits of a query', () => {
  it('count depth to the level', () => {
    // run, children…, id
    expect(refusals(nested(queryLimits.depthMax - 2).replaceAll('children', 'children(first: 1)'))).toEqual([]);
    expect(refusals(nested(queryLimits.depthMax - 1).replaceAll('children', 'children(first: 1)'))).toEqual([
      expect.stringMatching(/13 levels deep; at most 12/),
    ]);
  });

  it('multiply page sizes', () => {
    const query = (first: number) => `{ runs(first: ${first}) { nodes { points(key: "a", first: 1000) { step } } } }`;
    expect(refusals(query(400))).toEqual([]);
    expect(refusals(query(600))).toEqual([expect.stringMatching(/costs \d+; at most 500000/)]);
  });

  it('know page sizes given as variables and as their defaults', () => {
    const query = 'query($n: Int) { runs(first: $n) { nodes { points(key: "a", first: 1000) { step } } } }';
    expect(refusals(query, { n: 5 })).toEqual([]);
    expect(refusals(query, { n: 600 })).toHaveLength(1);
    expect(refusals(query.replace('$n: Int', '$n: Int = 600'))).toHaveLength(1);
    expect(refusals(query.replace('$n: Int', '$n: Int = 600'), { n: 5 })).toEqual([]);
  });

  it('count the page sizes that the schema gives when none is asked for', () => {
    // points: 10,000 a page; ranks: 20,000; series: 1,000 buckets
    expect(refusals('{ run(id: "x") { points(key: "a") { step value } } }')).toEqual([]);
    expect(refusals('{ runs(first: 100) { nodes { points(key: "a") { step } } } }')).toHaveLength(1);
    expect(refusals('{ runs { nodes { ranks { rank } } } }')).toEqual([expect.stringMatching(/costs 1000/)]);
    expect(refusals('query($n: Int) { runs(first: $n) { nodes { ranks { rank } } } }')).toHaveLength(1);
    expect(refusals('{ runs { nodes { ranks(first: 8) { rank } } } }')).toEqual([]);
    const spread = '{ runs { nodes { ...R } } } fragment R on Run { series(keys: ["a"]) { x min max first last } }';
    expect(refusals(spread)).toEqual([]);
    expect(refusals(spread.replace('runs {', 'runs(first: 1000) {'))).toHaveLength(1);
  });

  it('see through fragments, also those that hold each other', () => {
    const query = (first: number) => `
      query { runs(first: ${first}) { nodes { ...Wide } } }
      fragment Wide on Run { ... on Run { points(key: "a", first: 1000) { step } } }`;
    expect(refusals(query(400))).toEqual([]);
    expect(refusals(query(600))).toHaveLength(1);
    expect(refusals('{ run(id: "x") { ...A } } fragment A on Run { id ...B } fragment B on Run { id ...A }')).toEqual(
      [],
    );
  });

  it('stop counting a query whose fragments double each other', () => {
    const fragments = Array.from({ length: 40 }, (_, i) => `fragment F${i} on Run { id ...F${i + 1} ...F${i + 1} }`);
    const query = `{ run(id: "x") { ...F0 } } ${fragments.join('\n')} fragment F40 on Run { id }`;
    const [message] = refusals(query);
    expect(message).toMatch(/more than 2000 fields/);
  });

  it('refuse every operation of a document that is too expensive', () => {
    expect(refusals(`query A { server { version } } query B ${nested(12)}`)).toHaveLength(2);
    const deep = nested(12).replaceAll('children', 'children(first: 1)');
    expect(refusals(`query A { server { version } } query B ${deep}`)).toHaveLength(1);
  });
});
