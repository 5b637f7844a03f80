/** What can stand where the caret is in a filter, as far as the text before it tells. */
export interface Place {
  expects: 'field' | 'operator' | 'value' | 'joint';
  /** With `field`: whose key is being written, if that is clear already. With `value`: of what. */
  kind: FieldKind | null;
  key: string;
  /** What has been written of it, without quotes, and where that begins. */
  partial: string;
  from: number;
}
export type FieldKind = 'metrics' | 'params' | 'tags' | 'attributes';

interface Token {
  text: string;
  from: number;
  to: number;
}

const pattern =
  /`(?:[^`]|``)*`?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|[\p{L}_][\p{L}\p{N}_/:@-]*|[-+]?(?:\d|\.\d)[\w.+-]*|!=|<=|>=|[=<>(),.]/gu;
const kinds: Readonly<Record<string, FieldKind>> = {
  metrics: 'metrics',
  metric: 'metrics',
  params: 'params',
  param: 'params',
  tags: 'tags',
  tag: 'tags',
  attributes: 'attributes',
  attribute: 'attributes',
  attr: 'attributes',
};
const kindOf = (word: string): FieldKind | null => (Object.hasOwn(kinds, word) ? kinds[word]! : null);
const quoted = (text: string): boolean => /^[`'"]/.test(text);
/** A text whose quote is closed is finished; what follows is something else. */
const closed = (text: string): boolean => quoted(text) && text.length > 1 && text.endsWith(text[0]!);

function bare(text: string): string {
  const mark = text[0] ?? '';
  if (!quoted(text)) return text;
  return text.slice(1, closed(text) ? -1 : undefined).replaceAll(mark + mark, mark);
}

export function placeAt(text: string, caret: number): Place {
  const tokens = [...text.slice(0, caret).matchAll(pattern)].map((match): Token => ({
    text: match[0],
    from: match.index,
    to: match.index + match[0].length,
  }));
  const last = tokens.at(-1);
  const writing = last !== undefined && last.to === caret && /^[\p{L}_`'"\d]/u.test(last.text) && !closed(last.text);
  const partial = writing ? tokens.pop() : undefined;
  const place: Place = {
    expects: 'field',
    kind: null,
    key: '',
    partial: bare(partial?.text ?? ''),
    from: partial?.from ?? caret,
  };
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const word = token.text.toLowerCase();
    switch (place.expects) {
      case 'field':
        if (word === '(' || word === 'not') break;
        {
          const chain = [token.text];
          while (tokens[at + 1]?.text === '.') {
            const part = tokens[at + 2];
            at += part === undefined ? 1 : 2;
            chain.push(part?.text ?? '');
          }
          place.kind = chain.length === 1 ? 'attributes' : kindOf(word);
          place.key = chain.length === 1 ? bare(token.text) : chain.slice(1).map(bare).join('.');
          // a dot at the end: the rest of the key is being written
          if (chain.at(-1) === '') return { ...place, key: '', partial: place.key + place.partial, from: token.from };
          place.expects = 'operator';
        }
        break;
      case 'operator':
        if (/^(=|!=|<|<=|>|>=|like|ilike|in)$/.test(word)) place.expects = 'value';
        else if (word === 'null' || word === 'nan') place.expects = 'joint';
        break;
      case 'value':
        if (word !== '(' && word !== ',') place.expects = 'joint';
        break;
      case 'joint':
        if (word === ',') place.expects = 'value';
        else if (word === 'and' || word === 'or') Object.assign(place, { expects: 'field', kind: null, key: '' });
        break;
    }
  }
  return place;
}

export const valueText = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** The text with a completion in its place, and where the caret is then. */
export function completed(text: string, place: Place, caret: number, insert: string): { text: string; caret: number } {
  const after = text.slice(caret);
  return { text: text.slice(0, place.from) + insert + after, caret: place.from + insert.length };
}
