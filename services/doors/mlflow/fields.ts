import { isObject, type JsonObject as Json } from '#libs/domain/plain-json.js';
import { parseJson, type JsonBounds } from '../../http/read-json.js';
import { MlflowError, invalid } from './mlflow-error.js';

const show = (value: unknown): string => {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
};

const wholeNumber = /^[+-]?\d{1,19}$/;

/**
 * A request as MLflow's Protobuf-JSON has it, read leniently: numbers may be texts, null is absent, unknown fields are ignored.
 * Times and steps are whole numbers within 2^53.
 */
export class Fields {
  constructor(
    private readonly json: Json,
    private readonly at = '',
  ) {}

  static fromJson(body: unknown, bounds: JsonBounds): Fields {
    // old clients encode twice
    let json = body;
    try {
      if (typeof body === 'string') json = parseJson(body, bounds);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new MlflowError('BAD_REQUEST', `The request body is not valid JSON: ${error.message}`);
    }
    if (!isObject(json)) throw new MlflowError('BAD_REQUEST', 'The request body must be a JSON object');
    return new Fields(json);
  }

  static fromQuery(query: URLSearchParams): Fields {
    const json: Record<string, unknown> = {};
    for (const key of new Set(query.keys())) {
      const values = query.getAll(key);
      json[key.replace(/\[\]$/, '')] = values.length === 1 ? values[0] : values;
    }
    return new Fields(json);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  private get(name: string): unknown {
    const value = Object.hasOwn(this.json, name) ? this.json[name] : undefined;
    return value === null ? undefined : value;
  }
  private path(name: string): string {
    return this.at === '' ? name : `${this.at}.${name}`;
  }
  private wrong(name: string, value: unknown, hint: string): MlflowError {
    return invalid(`Invalid value ${show(value)} for parameter '${this.path(name)}' supplied: ${hint}`);
  }
  absent(name: string): MlflowError {
    return invalid(`Missing value for required parameter '${this.path(name)}'.`);
  }

  /** "" when absent. */
  text(name: string): string {
    const value = this.get(name);
    if (value === undefined) return '';
    if (typeof value !== 'string') throw this.wrong(name, value, 'Value must be a string.');
    return value;
  }
  /** The name of an enum's value, or its number as text: Protobuf's JSON has either. "" when absent. */
  choice(name: string): string {
    const value = this.get(name);
    return typeof value === 'number' && Number.isInteger(value) ? String(value) : this.text(name);
  }
  required(name: string): string {
    const value = this.text(name);
    if (value === '') throw this.absent(name);
    return value;
  }
  optional(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  whole(name: string): number | null {
    const value = this.get(name);
    if (value === undefined) return null;
    const number = typeof value === 'string' && wholeNumber.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number))
      throw this.wrong(name, value, 'Value must be an integer.');
    if (!Number.isSafeInteger(number)) throw this.wrong(name, value, 'Integers are kept within 2^53.');
    return number;
  }
  requiredWhole(name: string): number {
    const value = this.whole(name);
    if (value === null) throw this.absent(name);
    return value;
  }
  /** A number, or "NaN", "Infinity", "-Infinity", or a number as text. */
  requiredNumber(name: string): number {
    const value = this.get(name);
    if (typeof value === 'number') return value;
    if (value === undefined) throw this.absent(name);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
    if (value === 'NaN' || (typeof value === 'string' && !Number.isNaN(number))) return number;
    throw this.wrong(name, value, 'Value must be a number.');
  }
  flag(name: string): boolean {
    const value = this.get(name);
    if (value === undefined || value === false || value === 'false' || value === 'False') return false;
    if (value === true || value === 'true' || value === 'True') return true;
    throw this.wrong(name, value, 'Value must be true or false.');
  }
  texts(name: string): readonly string[] {
    const value = this.get(name);
    if (value === undefined) return [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((item) => {
      if (typeof item !== 'string') throw this.wrong(name, value, 'Value must be a list of strings.');
      return item;
    });
  }
  /** Whatever it is. */
  raw(name: string): unknown {
    return this.get(name);
  }
  object(name: string): Fields | null {
    const value = this.get(name);
    if (value === undefined) return null;
    if (!isObject(value)) throw this.wrong(name, value, 'Value must be an object.');
    return new Fields(value, this.path(name));
  }
  objects(name: string): readonly Fields[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, value, 'Value must be a list.');
    return value.map((item: unknown, index) => {
      if (!isObject(item)) throw this.wrong(name, item, 'Value must be an object.');
      return new Fields(item, `${this.path(name)}[${index}]`);
    });
  }
  /** A list of objects as they came, for those who read many of them. */
  items<T>(name: string, read: (json: Json, index: number) => T): readonly T[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, value, 'Value must be a list.');
    return value.map((item: unknown, index) => {
      if (!isObject(item)) throw this.wrong(name, item, 'Value must be an object.');
      return read(item, index);
    });
  }
  item(name: string, json: Json, index: number): Fields {
    return new Fields(json, `${this.path(name)}[${index}]`);
  }
  /** A list of {key, value}. */
  pairs(name: string): readonly { readonly key: string; readonly value: string }[] {
    return this.objects(name).map((item) => ({ key: item.required('key'), value: item.text('value') }));
  }
  /** An object of texts. */
  map(name: string): Readonly<Record<string, string>> {
    const value = this.get(name);
    if (value === undefined) return {};
    if (!isObject(value)) throw this.wrong(name, value, 'Value must be an object.');
    const entries = Object.entries(value).map(([key, item]) => [key, typeof item === 'string' ? item : show(item)]);
    return Object.fromEntries(entries) as Record<string, string>;
  }
}
