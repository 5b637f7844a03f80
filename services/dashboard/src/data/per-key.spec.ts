import { parse, print } from 'graphql';
import { stringifyDocument, type AnyVariables, type TypedDocumentNode } from 'urql';
import { expect, it } from 'vitest';
import { BandsDocument, RunsDocument } from '../generated/questions.js';
import { ofKey, perKey } from './per-key.js';

/** As it goes over the wire. */
const sent = <Data, Variables extends AnyVariables>(question: TypedDocumentNode<Data, Variables>): string =>
  print(parse(stringifyDocument(question)));
const fields = (text: string, name: string): string[] => text.match(new RegExp(`\\b${name}\\d+: .*`, 'g')) ?? [];

it('a question is asked once per key, whatever characters a key has', () => {
  const text = sent(perKey(RunsDocument, 'm', ['loss', 'a "b" \\ c']));
  expect(fields(text, 'm')).toEqual(['m0: metric(key: "loss") {', String.raw`m1: metric(key: "a \"b\" \\ c") {`]);
});

it('other arguments stay, and without keys the rest is asked', () => {
  const bands = sent(perKey(BandsDocument, 'b', ['loss', 'ms']));
  expect(fields(bands, 'b')).toEqual([
    'b0: band(key: "loss", from: $from, buckets: 60) {',
    'b1: band(key: "ms", from: $from, buckets: 60) {',
  ]);
  const none = sent(perKey(RunsDocument, 'm', []));
  expect(fields(none, 'm')).toEqual([]);
  expect(none).toContain('...RunState');
});

it('the answer of each key is found by its place', () => {
  const answer = { m0: 1, m1: 2 };
  expect([0, 1, 2].map((i) => ofKey(answer, 'm', i))).toEqual([1, 2, undefined]);
});
