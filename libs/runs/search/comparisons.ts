import { Rejection } from '#libs/domain/rejection.js';
import type { Comparison, Literal } from './ast.js';
import { lex, refuseAt, type Token } from './lexer.js';

/** One clause of a filter that knows only "and": MLflow's, of whatever it lists. */
export interface Clause {
  /** What stands before the first dot, in lower case: "metrics", "tag"; "" for a bare name. */
  readonly kind: string;
  readonly key: string;
  readonly operator: Comparison | 'rlike' | 'in' | 'not in' | 'is null' | 'is not null';
  /** One value, those of the list, or none. */
  readonly values: readonly Literal[];
  /** Where the value stands, for refusals. */
  readonly at: number;
}

const comparisons: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=', 'like', 'ilike', 'rlike']);
const valuesMax = 10_000;

/** `metrics.loss < 0.3 and tags.team like '%vision%'` as its clauses; none for an empty filter. */
export function parseClauses(source: string): readonly Clause[] {
  const reader = new ClauseReader(source);
  const clauses: Clause[] = [];
  if (reader.done()) return clauses;
  do clauses.push(reader.clause());
  while (reader.takeWord('and'));
  reader.finish();
  return clauses;
}

class ClauseReader {
  private readonly tokens: readonly Token[];
  private index = 0;

  constructor(private readonly source: string) {
    this.tokens = lex(source, 'filter');
  }

  private get next(): Token {
    return this.tokens[this.index]!;
  }
  private unexpected(wanted: string): Error {
    const { kind, value } = this.next;
    return refuseAt(
      this.source,
      this.next.at,
      `expected ${wanted}, found ${kind === 'end' ? 'the end' : `"${value.slice(0, 60)}"`}`,
      'filter',
    );
  }
  done(): boolean {
    return this.next.kind === 'end';
  }
  finish(): void {
    if (!this.done()) throw this.unexpected('"and" or the end; only "and" joins comparisons');
  }
  takeWord(word: string): boolean {
    const found = this.next.kind === 'word' && this.next.value.toLowerCase() === word;
    if (found) this.index++;
    return found;
  }
  private takeSymbol(symbol: string): boolean {
    const found = this.next.kind === 'symbol' && this.next.value === symbol;
    if (found) this.index++;
    return found;
  }

  clause(): Clause {
    const name = this.identifier();
    const { at } = this.next;
    if (this.takeWord('is')) {
      const operator = this.takeWord('not') ? 'is not null' : 'is null';
      if (!this.takeWord('null')) throw this.unexpected('"null"');
      return { ...name, operator, values: [], at };
    }
    const negated = this.takeWord('not');
    if (this.takeWord('in')) return { ...name, operator: negated ? 'not in' : 'in', values: this.list(), at };
    const word = this.next.value.toLowerCase();
    const known = (this.next.kind === 'symbol' || this.next.kind === 'word') && comparisons.has(word);
    if (negated || !known) throw this.unexpected('a comparison (=, !=, <, <=, >, >=, LIKE, ILIKE, RLIKE, IN, NOT IN)');
    this.index++;
    const valueAt = this.next.at;
    return { ...name, operator: word as Comparison | 'rlike', values: [this.value()], at: valueAt };
  }

  private identifier(): { readonly kind: string; readonly key: string } {
    const first = this.name();
    if (!this.takeSymbol('.')) return { kind: '', key: first };
    let key = this.name();
    while (this.takeSymbol('.')) key += `.${this.name()}`;
    return { kind: first.toLowerCase(), key };
  }
  private name(): string {
    const { kind, value, double } = this.next;
    if (kind === 'word' || kind === 'quoted' || (kind === 'text' && double)) {
      this.index++;
      return value;
    }
    throw this.unexpected('a field such as metrics.loss');
  }
  private list(): readonly Literal[] {
    if (!this.takeSymbol('(')) throw this.unexpected('"("');
    const values: Literal[] = [];
    do {
      if (values.length === valuesMax)
        throw refuseAt(this.source, this.next.at, `at most ${valuesMax} values are allowed`, 'filter');
      values.push(this.value());
      // after the last one too, as Python writes a tuple of one
    } while (this.takeSymbol(',') && !(this.next.kind === 'symbol' && this.next.value === ')'));
    if (!this.takeSymbol(')')) throw this.unexpected('"," or ")"');
    return values;
  }
  private value(): Literal {
    const { kind, value } = this.next;
    if (kind !== 'text' && kind !== 'number') throw this.unexpected('a value: a number, or a text in quotes');
    this.index++;
    return kind === 'number' ? Number(value) : value;
  }
}

/** "%" stands for any text, "_" for one character. */
export function like(pattern: string, ignoreCase: boolean): RegExp {
  const source = pattern
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  return new RegExp(`^${source}$`, ignoreCase ? 'isu' : 'su');
}

/** A regular expression as its writer meant it: found anywhere in a text. */
export function expression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    throw new Rejection(
      'INVALID_ARGUMENT',
      `filter: "${pattern.slice(0, 80)}" is not a regular expression: ${(error as Error).message}`,
      'filter',
    );
  }
}

/** Whether a value fits a clause. What is not there fits only "is null". */
export function fits(clause: Clause, value: string | number | undefined): boolean {
  const [wanted] = clause.values;
  if (clause.operator === 'is null') return value === undefined;
  if (value === undefined) return false;
  switch (clause.operator) {
    case 'is not null':
      return true;
    case '=':
      return value === wanted;
    case '!=':
      return value !== wanted;
    case '<':
      return value < wanted!;
    case '<=':
      return value <= wanted!;
    case '>':
      return value > wanted!;
    case '>=':
      return value >= wanted!;
    case 'like':
    case 'ilike':
      return like(String(wanted), clause.operator === 'ilike').test(String(value));
    case 'rlike':
      return expression(String(wanted)).test(String(value));
    case 'in':
      return clause.values.includes(value);
    case 'not in':
      return !clause.values.includes(value);
  }
}
