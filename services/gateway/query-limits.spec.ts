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

  it('multiply by runs that are asked for by id', () => {
    const query = 'query($ids: [ID!]!) { runsById(ids: $ids) { series(keys: ["a"], buckets: 10000) { x min max } } }';
    const ids = Array.from({ length: 200 }, (_, i) => `${i}`);
    expect(refusals(query, { ids: ids.slice(0, 150) })).toEqual([]);
    expect(refusals(query, { ids })).toEqual([expect.stringMatching(/costs \d+; at most 500000/)]);
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

  it('count the cost to the unit', () => {
    const small = buildSchema('type Query { many(first: Int, last: Int): [Query!]! one: Query name: String }');
    const costs = (query: string, variables: Record<string, unknown> = {}) =>
      validate(small, parse(query), [queryLimitsRule(variables)]).map(({ message, nodes }) => [
        /costs (\d+)/.exec(message)?.[1],
        nodes?.map(({ kind }) => kind),
      ]);
    const refused = (cost: string) => [[cost, ['OperationDefinition']]];
    expect(costs('{ many(first: 499999) { name } }')).toEqual([]);
    expect(costs('{ many(first: 500000) { name } }')).toEqual(refused('500001'));
    expect(costs('{ many(last: 500000) { name } }')).toEqual(refused('500001'));
    expect(costs('{ many(first: 499999) { name } name }')).toEqual(refused('500001'));
    // neither nothing nor less than nothing makes what stands under it cheaper
    expect(costs('{ many(first: 499999) { one { many(first: -5) { name } } } }')).toEqual(refused('1499998'));
    expect(costs('{ many(first: 250000) { __typename name } }')).toEqual(refused('500001'));
    expect(costs('query($n: Int = 500000) { many(first: $n) { name } }')).toEqual(refused('500001'));
    expect(costs('query($n: Int) { many(first: $n) { name } }', { n: '500000' })).toEqual([]);
  });

  it('count a chart by its keys, its ranks and its buckets', () => {
    const query = (chart: string, head = '') =>
      `${head} { runs(first: 1000) { nodes { series(${chart}) { x min } } } }`;
    const costOf = (chart: string, variables: Record<string, unknown> = {}, head = '') =>
      /costs (\d+)/.exec(refusals(query(chart, head), variables)[0] ?? '')?.[1];
    // 1 + 1,000 pages of (nodes, series, two fields for each tenth of a bucket)
    const cost = (keys: number, ranks: number, buckets: number) =>
      String(1 + 1_000 * (1 + 1 + (2 * keys * ranks * buckets) / 10));
    expect(costOf('keys: ["a", "b"], ranks: [0, 1, 2], buckets: 1000')).toBe(cost(2, 3, 1_000));
    expect(costOf('keys: ["a", "b"], buckets: 2000')).toBe(cost(2, 1, 2_000));
    expect(costOf('keys: [], ranks: [], buckets: 5000')).toBe(cost(1, 1, 5_000));
    expect(costOf('keys: "a", buckets: 5000')).toBe(cost(1, 1, 5_000));
    const head = 'query($k: [String!]!, $r: [Int!])';
    const given = 'keys: $k, ranks: $r, buckets: 1000';
    expect(costOf(given, { k: ['a', 'b', 'c'], r: [1, 2] }, head)).toBe(cost(3, 2, 1_000));
    expect(costOf(given, { k: [], r: null }, head)).toBeUndefined();
    expect(costOf('keys: $k, buckets: 5000', { k: [] }, head)).toBe(cost(1, 1, 5_000));
  });

  it('let a program read the schema, however deep it asks', () => {
    const type = `{ kind ${'ofType { kind '.repeat(14)}${'}'.repeat(14)} }`;
    expect(refusals(`{ __schema { types { fields { type ${type} } } } __typename }`)).toEqual([]);
    const fields = Array.from({ length: queryLimits.fieldsMax + 1 }, (_, i) => `a${i}: __typename`).join(' ');
    expect(refusals(`{ ${fields} }`)).toEqual([expect.stringMatching(/more than 2000 fields/)]);
  });
});
