import { apiKey } from './api-key.js';
import { at } from './base.js';
import { reportKeyNeeded, reportReachable, reportUnreachable } from './connection.js';

/**
 * The only place of the page that does not speak GraphQL: people's SQL goes to the door that every ClickHouse client uses
 * (docs/decisions/0031). Rows are read as they come, up to `rowsMax`; then the query is stopped.
 */
export interface SqlTable {
  kind: 'table';
  names: string[];
  types: string[];
  rows: (string | null)[][];
  /** There were more rows than are shown. */
  more: boolean;
  ms: number;
}
export type SqlOutcome =
  | SqlTable
  /** The query named a format of its own. */
  | { kind: 'text'; text: string; ms: number }
  | { kind: 'problem'; message: string };

export const rowsMax = 5_000;
const textCharsMax = 2_000_000;
/** How ClickHouse writes NULL where every value is a string. */
const nullMark = 'ᴺᵁᴸᴸ';
const format = 'JSONCompactStringsEachRowWithNamesAndTypes';

export async function runSql(sql: string, signal: AbortSignal): Promise<SqlOutcome> {
  const key = apiKey();
  const startedAt = performance.now();
  let answer: Response;
  try {
    answer = await fetch(at(`/clickhouse?default_format=${format}`), {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
      body: sql,
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    reportUnreachable();
    return { kind: 'problem', message: 'The server can’t be reached.' };
  }
  if (answer.status === 401) reportKeyNeeded();
  else reportReachable();
  if (!answer.ok) return { kind: 'problem', message: readProblem(await answer.text(), answer.status) };
  const own = answer.headers.get('x-clickhouse-format');
  if (own !== null && own !== format) {
    const text = (await answer.text()).slice(0, textCharsMax);
    return { kind: 'text', text, ms: performance.now() - startedAt };
  }
  const read = await readRows(answer);
  return read.kind === 'table' ? { ...read, ms: performance.now() - startedAt } : read;
}

/** ClickHouse says "Code: 62. DB::Exception: … (SYNTAX_ERROR) (version …)"; our own door answers JSON with a message. */
export function readProblem(text: string, status: number): string {
  const said = /"message"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  if (text.trimStart().startsWith('{') && said !== undefined) return JSON.parse(said) as string;
  const plain = text
    .replace(/^Code: \d+\. DB::Exception: /, '')
    .replace(/\s*\(version [^)]*(?:\([^)]*\)[^)]*)?\)\s*$/, '')
    .trim();
  return plain === '' ? `The server answered with status ${status}.` : plain;
}

type Rows = Omit<SqlTable, 'ms'> | { kind: 'problem'; message: string };

export async function readRows(answer: Response): Promise<Rows> {
  const lines: string[][] = [];
  let rest = '';
  let broken: string | null = null;
  const take = (line: string): void => {
    if (line === '') return;
    const row = broken === null && line.startsWith('[') ? readLine(line) : null;
    // a query that fails half-way says so where its next row would stand, between marks of its own
    if (row === null) broken = `${broken ?? ''}${line}\n`;
    else lines.push(row);
  };
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let more = false;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) take(part);
    if (lines.length > rowsMax + 2 && broken === null) {
      more = true;
      await reader.cancel();
      break;
    }
  }
  if (!more) take(rest);
  if (broken !== null) {
    const said = /Code: \d+\. DB::Exception: .*/.exec(broken)?.[0] ?? broken;
    return { kind: 'problem', message: readProblem(said, answer.status) };
  }
  const [names = [], types = [], ...texts] = lines;
  const nullable = types.map((type) => type.includes('Nullable('));
  const rows = texts
    .slice(0, rowsMax)
    .map((row) => row.map((text, at) => (text === nullMark && nullable[at] === true ? null : text)));
  return { kind: 'table', names, types, rows, more: more || texts.length > rowsMax };
}

function readLine(line: string): string[] | null {
  try {
    return JSON.parse(line) as string[];
  } catch {
    return null;
  }
}
