import {
  attributeNames,
  datasetFields,
  type AttributeName,
  type Comparison,
  type DatasetField,
  type Filter,
  type Identifier,
  type Literal,
  type Order,
} from './ast.js';
import { lex, refuseAt, type Token } from './lexer.js';

const depthMax = 50;
const inValuesMax = 1_000;
const ordersMax = 8;

type Words = Readonly<Record<string, Identifier>>;
const kinds: Readonly<Record<string, Exclude<Identifier['kind'], 'shown'>>> = {
  metrics: 'metrics',
  metric: 'metrics',
  params: 'params',
  param: 'params',
  parameters: 'params',
  parameter: 'params',
  tags: 'tags',
  tag: 'tags',
  attributes: 'attributes',
  attribute: 'attributes',
  attr: 'attributes',
  run: 'attributes',
  datasets: 'datasets',
  dataset: 'datasets',
};
/** Other trackers' words for the same thing. */
const aliases: Readonly<Record<string, AttributeName>> = {
  run_id: 'id',
  run_name: 'name',
  user_id: 'user',
  start_time: 'started_at',
  end_time: 'ended_at',
  created: 'started_at',
  'run name': 'name',
  experiment: 'project',
};
const compares: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=', 'like', 'ilike']);
const numbers: Readonly<Record<string, number>> = {
  nan: NaN,
  inf: Infinity,
  infinity: Infinity,
  '+inf': Infinity,
  '+infinity': Infinity,
  '-inf': -Infinity,
  '-infinity': -Infinity,
};

/** Tree of a filter such as `metrics.loss < 0.3 and tags.team like '%vision%'`; null for an empty one. */
export function parseFilter(source: string): Filter | null {
  const parser = new Parser(source, 'filter');
  if (parser.done()) return null;
  const filter = parser.or(0);
  parser.finish('"and", "or" or the end');
  return filter;
}

/** `metrics.loss asc, attributes.started_at desc`. `words`: attributes of another tracker, beside our own. */
export function parseOrder(source: string, words: Words = {}): readonly Order[] {
  const parser = new Parser(source, 'orderBy', words);
  const orders: Order[] = [];
  if (parser.done()) return orders;
  do {
    if (orders.length === ordersMax) throw parser.refuse(`at most ${ordersMax} orders are allowed`);
    orders.push(parser.order());
  } while (parser.takeSymbol(','));
  parser.finish('"asc", "desc", "," or the end');
  return orders;
}

/** One field by itself, as `params.lr`; `field` names the argument in a refusal. */
export function parseField(source: string, field: string): Identifier {
  const parser = new Parser(source, field);
  const of = parser.identifier();
  parser.finish('the end');
  return of;
}

class Parser {
  private readonly tokens: readonly Token[];
  private index = 0;
  constructor(
    private readonly source: string,
    private readonly field: string,
    private readonly words: Words = {},
  ) {
    this.tokens = lex(source, field);
  }

  private get next(): Token {
    return this.tokens[this.index]!;
  }
  done(): boolean {
    return this.next.kind === 'end';
  }
  refuse(message: string, token = this.next): Error {
    return refuseAt(this.source, token.at, message, this.field);
  }
  private unexpected(expected: string): Error {
    const found =
      this.next.kind === 'end' ? 'the end' : `"${this.source.slice(this.next.at, this.next.end).slice(0, 40)}"`;
    return this.refuse(`expected ${expected}, found ${found}`);
  }
  finish(expected: string): void {
    if (!this.done()) throw this.unexpected(expected);
  }
  private takeWord(text: string): boolean {
    const found = this.next.kind === 'word' && this.next.value.toLowerCase() === text;
    if (found) this.index++;
    return found;
  }
  takeSymbol(text: string): boolean {
    const found = this.next.kind === 'symbol' && this.next.value === text;
    if (found) this.index++;
    return found;
  }

  or(depth: number): Filter {
    return this.chain('or', () => this.and(depth));
  }
  private and(depth: number): Filter {
    return this.chain('and', () => this.not(depth));
  }
  private chain(kind: 'and' | 'or', part: () => Filter): Filter {
    const parts = [part()];
    while (this.takeWord(kind)) parts.push(part());
    return parts.length === 1 ? parts[0]! : { kind, parts };
  }
  private not(depth: number): Filter {
    if (depth > depthMax) throw this.refuse(`nested deeper than ${depthMax}`);
    if (this.takeWord('not')) return { kind: 'not', part: this.not(depth + 1) };
    if (!this.takeSymbol('(')) return this.comparison();
    const inner = this.or(depth + 1);
    if (!this.takeSymbol(')')) throw this.unexpected('")", "and" or "or"');
    return inner;
  }

  private comparison(): Filter {
    const of = this.identifier();
    const operator = this.next;
    const { at } = operator;
    if (this.takeWord('is')) {
      const negated = this.takeWord('not');
      if (of.kind === 'metrics' && this.takeWord('nan'))
        return { kind: 'compare', of, operator: negated ? '!=' : '=', value: NaN, at };
      if (!this.takeWord('null')) throw this.unexpected(of.kind === 'metrics' ? '"null" or "nan"' : '"null"');
      return { kind: 'null', of, negated };
    }
    const negated = this.takeWord('not');
    if (this.takeWord('in')) return { kind: 'in', of, negated, values: this.list(), at };
    const word = this.next.value.toLowerCase();
    const known = (this.next.kind === 'symbol' || this.next.kind === 'word') && compares.has(word);
    if (!known || (negated && word !== 'like' && word !== 'ilike'))
      throw this.unexpected(negated ? '"in" or "like"' : 'a comparison (=, !=, <, <=, >, >=, like, ilike, in, is)');
    this.index++;
    const value = this.literal();
    const compare: Filter = { kind: 'compare', of, operator: word as Comparison, value, at };
    return negated ? { kind: 'not', part: compare } : compare;
  }

  private list(): Literal[] {
    if (!this.takeSymbol('(')) throw this.unexpected('"("');
    const values: Literal[] = [];
    do {
      if (values.length === inValuesMax) throw this.refuse(`at most ${inValuesMax} values are allowed`);
      values.push(this.literal());
      // after the last one too, as Python writes a tuple of one
    } while (this.takeSymbol(',') && !(this.next.kind === 'symbol' && this.next.value === ')'));
    if (!this.takeSymbol(')')) throw this.unexpected('"," or ")"');
    return values;
  }

  private literal(): Literal {
    const { kind, value } = this.next;
    const special = kind === 'word' ? value.toLowerCase() : '';
    if (kind === 'text') return this.advance(value);
    if (kind === 'number') return this.advance(Number(value));
    if (Object.hasOwn(numbers, special)) return this.advance(numbers[special]!);
    if (special === 'true' || special === 'false') return this.advance(special);
    throw this.unexpected("a value: a number or a text in quotes, e.g. 0.3 or 'adam'");
  }
  private advance<T>(value: T): T {
    this.index++;
    return value;
  }

  order(): Order {
    const of = this.identifier();
    const descending = this.takeWord('desc');
    if (!descending) this.takeWord('asc');
    return { of, descending };
  }

  identifier(): Identifier {
    const first = this.next;
    if (first.kind !== 'word' && first.kind !== 'quoted')
      throw this.unexpected('a field: metrics.…, params.…, tags.… or attributes.…');
    this.index++;
    if (!this.takeSymbol('.')) return this.attribute(first.value, first);
    const kind = Object.hasOwn(kinds, first.value.toLowerCase()) ? kinds[first.value.toLowerCase()]! : null;
    if (!kind) throw this.refuse(`"${first.value}" is not one of metrics, params, tags, attributes, datasets`, first);
    const start = this.next;
    const key = this.key();
    if (kind === 'attributes') return this.attribute(key, start);
    if (kind === 'datasets') return { kind, key: this.datasetField(key, start) };
    return { kind, key };
  }

  /** A quoted key, or words joined by dots as in `tags.mlflow.user`. */
  private key(): string {
    const { kind, value, double } = this.next;
    if (kind === 'quoted' || (kind === 'text' && double)) return this.advance(value);
    let key = '';
    do {
      if (this.next.kind !== 'word') throw this.unexpected('a key; quote it with ` or " if it holds other characters');
      key += (key === '' ? '' : '.') + this.advance(this.next.value);
    } while (this.takeSymbol('.'));
    return key;
  }

  private datasetField(name: string, token: Token): DatasetField {
    const field = datasetFields.find((known) => known === name.toLowerCase());
    if (!field)
      throw this.refuse(`data sets have no "${name.slice(0, 60)}"; there are ${datasetFields.join(', ')}`, token);
    return field;
  }

  private attribute(name: string, token: Token): Identifier {
    const lower = name.toLowerCase();
    if (Object.hasOwn(this.words, lower)) return this.words[lower]!;
    const key = Object.hasOwn(aliases, lower) ? aliases[lower]! : attributeNames.find((known) => known === lower);
    if (key !== undefined) return { kind: 'attributes', key };
    throw this.refuse(`there is no attribute "${name.slice(0, 60)}"; there are ${attributeNames.join(', ')}`, token);
  }
}
