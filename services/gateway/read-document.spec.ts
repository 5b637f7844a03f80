import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { queryLimits } from './query-limits.js';
import { readDocument } from './read-document.js';

const schema = buildSchema('type Query { name: String, inner: Query, many(first: Int): [Query!]! }');
const read = (query: string, variables: Record<string, unknown> = {}): string[] | null => {
  const answer = readDocument(schema, query, variables);
  return 'errors' in answer ? answer.errors.map(({ message }) => message) : null;
};

describe('a document', () => {
  it('is read when it may run, and refused with what is wrong with it', () => {
    expect(readDocument(schema, '{ name }', {})).toMatchObject({ document: { kind: 'Document' } });
    expect(read('{ name')).toEqual([expect.stringMatching(/Syntax Error/)]);
    expect(read('{ nobody }')).toEqual([expect.stringMatching(/Cannot query field "nobody"/)]);
  });

  it('is bounded in words and signs, in fields and in nesting, each before more is done with it', () => {
    const fields = (count: number): string => `{ ${Array.from({ length: count }, (_, i) => `a${i}: name`).join(' ')} }`;
    expect(read(fields(queryLimits.fieldsMax))).toBeNull();
    expect(read(fields(queryLimits.fieldsMax + 1))).toEqual([expect.stringMatching(/has 2001 fields; at most 2000/)]);
    // a field under a name is three words and signs, the braces two
    expect(read(fields(3_400))).toEqual([expect.stringMatching(/tokens/)]);
    // too deep for the parser itself: an answer, not the end of the process
    expect(read(`{ many(first: ${'['.repeat(9_000)}`)).toHaveLength(1);
  });

  it('is held to the limits of a query, with the variables that it is asked with', () => {
    const nested = `${'{ inner '.repeat(queryLimits.depthMax + 1)}{ name }${'}'.repeat(queryLimits.depthMax + 1)}`;
    expect(read(nested)).toEqual([expect.stringMatching(/levels deep/)]);
    const query = 'query($n: Int) { many(first: $n) { many(first: 1000) { name } } }';
    expect(read(query, { n: 10 })).toBeNull();
    expect(read(query, { n: 1_000 })).toEqual([expect.stringMatching(/costs \d+/)]);
  });

  it('is read once while it is remembered, and anew for every other text and schema', () => {
    const text = '{ name } # once';
    const first = readDocument(schema, text, {});
    expect(readDocument(schema, text, {})).toBe(first);
    expect(readDocument(buildSchema('type Query { other: String }'), text, {})).toMatchObject({ errors: [{}] });
    // many others push it out: what is kept is bounded
    for (let i = 0; i < 100; i += 1) readDocument(schema, `{ name } # ${i} ${'x'.repeat(9_000)}`, {});
    expect(readDocument(schema, text, {})).not.toBe(first);
    expect(readDocument(schema, text, {})).toEqual(first);
  });
});
