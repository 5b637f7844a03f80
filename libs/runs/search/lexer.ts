import { Rejection } from '#libs/domain/rejection.js';

export type TokenKind = 'word' | 'quoted' | 'text' | 'number' | 'symbol' | 'end';
export interface Token {
  readonly kind: TokenKind;
  /** Unquoted content; words as written. */
  readonly value: string;
  readonly at: number;
  readonly end: number;
  /** For a text in double quotes, which may also quote a key. */
  readonly double: boolean;
}

export const filterCharsMax = 10_000;

/** A refusal that points at the character. */
export function refuseAt(source: string, at: number, message: string, field: string): Rejection {
  const from = Math.max(0, at - 30);
  const excerpt = source.slice(from, at + 30).replaceAll(/\s/g, ' ');
  const text = `${field}: ${message}, at character ${at + 1}\n  ${from > 0 ? '…' : ' '}${excerpt}\n  ${' '.repeat(at - from + 1)}^`;
  return new Rejection('INVALID_ARGUMENT', text, field);
}

const number = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const word = /[\p{L}_][\p{L}\p{N}_/:@-]*/uy;
const symbol = /!=|<>|<=|>=|==|[=<>(),.]/y;

function match(pattern: RegExp, source: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? null;
}

export function lex(source: string, field: string): Token[] {
  if (source.length > filterCharsMax)
    throw new Rejection(
      'INVALID_ARGUMENT',
      `${field}: ${source.length} characters; at most ${filterCharsMax} are allowed`,
      field,
    );
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: TokenKind, value: string, end: number, double = false): void => {
    tokens.push({ kind, value, at, end, double });
    at = end;
  };
  while (at < source.length) {
    const char = source[at]!;
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    if (char === '"' || char === "'" || char === '`') {
      const { value, end } = quoted(source, at, char, field);
      push(char === '`' ? 'quoted' : 'text', value, end, char === '"');
      continue;
    }
    // after a dot a key may begin with a digit
    const previous = tokens.at(-1);
    const afterDot = previous?.kind === 'symbol' && previous.value === '.' && previous.end === at;
    const found = afterDot ? match(/[\p{L}\p{N}_][\p{L}\p{N}_/:@-]*/uy, source, at) : null;
    if (found !== null) {
      push('word', found, at + found.length);
      continue;
    }
    const digits = match(number, source, at);
    if (digits !== null) {
      push('number', digits, at + digits.length);
      continue;
    }
    const letters =
      match(word, source, at) ??
      (/^[+-]inf/i.test(source.slice(at, at + 4)) ? source.slice(at).match(/^[+-][a-z]+/i)![0] : null);
    if (letters !== null) {
      push('word', letters, at + letters.length);
      continue;
    }
    const sign = match(symbol, source, at);
    if (sign === null) throw refuseAt(source, at, `"${char}" is not expected here`, field);
    push('symbol', sign === '<>' ? '!=' : sign === '==' ? '=' : sign, at + sign.length);
  }
  push('end', '', at);
  return tokens;
}

/** A quote inside is doubled or escaped by a backslash; a backslash before anything else stays. */
function quoted(source: string, at: number, quote: string, field: string): { value: string; end: number } {
  let value = '';
  for (let i = at + 1; i < source.length; i++) {
    const char = source[i]!;
    if (char === '\u0000') throw refuseAt(source, i, 'a NUL character is not allowed', field);
    if (char === '\\' && (source[i + 1] === quote || source[i + 1] === '\\')) value += source[++i]!;
    else if (char !== quote) value += char;
    else if (source[i + 1] === quote) value += source[i++]!;
    else return { value, end: i + 1 };
  }
  throw refuseAt(source, at, `the ${quote} is never closed`, field);
}
