import { describe, expect, it } from 'vitest';
import { completed, placeAt, valueText } from './filter-completion.js';

/** The caret is where the bar stands. */
const at = (marked: string) => placeAt(marked.replace('|', ''), marked.indexOf('|'));

describe('the place of a caret in a filter', () => {
  it('expects a field at the start, behind "and", "not" and a bracket', () => {
    for (const text of ['|', 'not |', '(|', "params.lr = '0.1' and |", 'metrics.loss < 1 or (|'])
      expect(at(text)).toMatchObject({ expects: 'field', kind: null, partial: '' });
    expect(at("params.lr = '0.1' and me|")).toMatchObject({ expects: 'field', kind: null, partial: 'me', from: 22 });
  });
  it('expects a key behind the dot, quoted or of several words', () => {
    expect(at('metrics.|')).toMatchObject({ expects: 'field', kind: 'metrics', partial: '', from: 0 });
    expect(at('params.lr = 1 and tags.`my te|')).toMatchObject({ kind: 'tags', partial: 'my te', from: 18 });
    expect(at('tags.mlflow.us|')).toMatchObject({ expects: 'field', kind: 'tags', partial: 'mlflow.us', from: 0 });
  });
  it('expects a comparison behind a field, a value behind that and then "and"', () => {
    expect(at('metrics.`a "b" c` |')).toMatchObject({ expects: 'operator', kind: 'metrics', key: 'a "b" c' });
    expect(at('user li|')).toMatchObject({ expects: 'operator', kind: 'attributes', key: 'user', partial: 'li' });
    expect(at("tags.team = 'it''s|")).toMatchObject({
      expects: 'value',
      kind: 'tags',
      key: 'team',
      partial: "it's",
      from: 12,
    });
    expect(at("params.lr in ('a', |")).toMatchObject({ expects: 'value', key: 'lr', partial: '' });
    expect(at("params.lr = 'a' |")).toMatchObject({ expects: 'joint', partial: '' });
    expect(at("params.lr = 'a' an|")).toMatchObject({ expects: 'joint', partial: 'an' });
    expect(at('params.lr is null |')).toMatchObject({ expects: 'joint' });
  });
  it('is filled by a completion, and what stands behind the caret stays', () => {
    const text = "tags.team = 'vi and user = 'a'";
    const place = placeAt(text, 15);
    expect(completed(text, place, 15, valueText("vision's"))).toEqual({
      text: "tags.team = 'vision''s' and user = 'a'",
      caret: 23,
    });
  });
});
