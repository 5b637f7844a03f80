import { createHash } from 'node:crypto';
import type { Param, RichValue } from '#libs/domain/event.js';
import { isDeeper } from '#libs/domain/json-depth.js';
import { limits } from '#libs/domain/limits.js';
import { isObject } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Said } from '../shared/command-log.js';
import { readConsole } from './console-lines.js';
import { preemptedTag } from './entities.js';
import { eventsOfRows, type Row } from './history-blocks.js';
import { lineCountKeys, readHistory, readSystemLines, seriesName, type ReadLines } from './history-lines.js';
import { readLooseObject, writeStrictJson } from './loose-json.js';
import { inEvents } from './run-config.js';
import { richValues, withFiles } from './rich-cells.js';
import type { RunStream } from './run-streams.js';
import type { World } from './world.js';
import { wellFormed } from './well-formed.js';

/** Signs of life come with whatever a client says, but not more often than this. */
const beatEveryMs = 10_000;
const consoleCharsPerEventMax = 250_000;

interface Chunk {
  readonly offset: number;
  readonly content: readonly string[];
}

/** Lines that could not be read, told to the client and to whoever runs the server. */
export interface RefusedLines {
  readonly file: string;
  readonly lines: readonly number[];
  readonly message: string;
}
export interface StreamAnswer {
  readonly exitcode: null;
  readonly limits: object;
  readonly refused?: readonly RefusedLines[];
}

const refuse = (field: string, message: string): never => {
  throw new Rejection('INVALID_ARGUMENT', `${field}: ${message}`, field);
};

/** The body as it must be; a client sends no other, and hears what is wrong with one. */
export function readStreamBody(json: unknown): {
  readonly files: ReadonlyMap<string, Chunk>;
  readonly complete: boolean;
  readonly preempting: boolean;
  readonly exitCode: number | null;
} {
  if (!isObject(json)) return refuse('body', 'must be a JSON object');
  const { files = {}, complete, exitcode, preempting } = json;
  if (files !== null && !isObject(files)) return refuse('files', 'must be an object of file names');
  const chunks = new Map<string, Chunk>();
  for (const [name, chunk] of Object.entries(files ?? {})) {
    if (!isObject(chunk)) return refuse(`files.${name.slice(0, 80)}`, 'must be {"offset": …, "content": […]}');
    const { offset = 0, content = [] } = chunk;
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0)
      return refuse(`files.${name.slice(0, 80)}.offset`, 'must be a whole number from 0');
    if (!Array.isArray(content) || content.some((line) => typeof line !== 'string'))
      return refuse(`files.${name.slice(0, 80)}.content`, 'must be a list of texts');
    chunks.set(name, { offset, content: content as string[] });
  }
  if (exitcode !== undefined && exitcode !== null && !Number.isSafeInteger(exitcode))
    return refuse('exitcode', 'must be a whole number');
  return {
    files: chunks,
    complete: complete === true,
    preempting: preempting === true,
    exitCode: (exitcode as number | null | undefined) ?? null,
  };
}

/** In events that are well below the largest record. */
const valuesCharsMax = 200_000;

function valuesLogged(stream: RunStream, values: readonly RichValue[], timeMs: number): readonly Said[] {
  const lists: RichValue[][] = [];
  let chars = Infinity;
  for (const value of values) {
    const size = value.text.length + value.caption.length + 500 + Object.values(value.facts).join('').length;
    const list = lists.at(-1);
    // what was logged together under one key is told in one event
    if (!list || (chars + size > valuesCharsMax && value.index === 0)) lists.push([value]);
    else list.push(value);
    chars = list === lists.at(-1) ? chars + size : size;
  }
  const { startedAtMs, fromStep } = stream.told;
  const told = { attemptStartedAtMs: startedAtMs, rewindTo: fromStep ?? 0, hasRewindTo: fromStep !== null };
  return lists.map((list) => stream.said('ValuesLogged', { values: list, ...told }, timeMs));
}

/** Cells whose files have come since. */
export function readyCells(stream: RunStream, nowMs: number): readonly Said[] {
  const values = stream.waiting.ready().flatMap(({ cell, files }) => withFiles(cell, files) ?? []);
  return valuesLogged(stream, values, nowMs);
}

/** One request of a client's stream: everything in it is in the log when this resolves. */
export async function takeFileStream(world: World, stream: RunStream, json: unknown): Promise<StreamAnswer> {
  const { files, complete, preempting, exitCode } = readStreamBody(json);
  const now = world.backend.clock();
  const events: Said[] = [];
  const refused: RefusedLines[] = [];
  const acknowledged = new Map<string, string>();
  for (const [name, chunk] of files) {
    if (chunk.content.length === 0) continue;
    const digest = createHash('sha256').update(JSON.stringify(chunk)).digest('base64');
    // the same as what was acknowledged last: the answer was lost
    if (stream.acknowledged.get(name) === digest) continue;
    acknowledged.set(name, digest);
    if (name === 'wandb-history.jsonl') take(readHistory(chunk.content, chunk.offset, now), name, chunk, true);
    else if (name === 'wandb-events.jsonl') take(readSystemLines(chunk.content, chunk.offset, now), name, chunk, false);
    else if (name === 'wandb-summary.json') summary(chunk);
    else if (/^output(_.*)?\.log$/.test(name)) lines(chunk);
    else refused.push({ file: name, lines: [], message: 'is not a file that is streamed; upload it' });
  }
  const attempt = String(stream.told.attempt);
  if (preempting && stream.preempted !== attempt) {
    const told = { tags: { [preemptedTag]: attempt }, removed: [], labels: [], labelsRemoved: [] };
    events.push(stream.said('TagsSet', told, now));
  }
  if (complete) {
    const state = (exitCode ?? 0) === 0 ? 'finished' : 'failed';
    const reason = state === 'failed' ? `the program ended with exit code ${exitCode}` : '';
    const { runs, telemetry } = stream.seqs;
    const ends = { lastTelemetrySeq: telemetry, lastRunsSeq: runs + 1, exitCode: exitCode ?? 0, wholeRun: true };
    events.push(stream.said('RunFinished', { state, reason, ...ends }, now));
  } else if (events.length === 0 ? now - stream.lastSaidAtMs >= 1_000 : now - stream.lastSaidAtMs >= beatEveryMs) {
    events.push(stream.said('HeartbeatSent', { lastStep: 0, spooledBytes: 0 }, now));
  }
  await world.log.tell(...events);
  if (preempting) stream.preempted = attempt;
  if (events.length > 0) stream.lastSaidAtMs = now;
  for (const [name, digest] of acknowledged) stream.acknowledged.set(name, digest);
  return { exitcode: null, limits: {}, ...(refused.length > 0 ? { refused } : {}) };

  function take(read: ReadLines, name: string, { offset, content }: Chunk, history: boolean): void {
    const { rows, odd, unreadable } = read;
    const key = history ? lineCountKeys.history : lineCountKeys.events;
    points([...rows, countRow(key, offset + content.length, rows.at(-1)?.step ?? offset)]);
    if (history)
      for (const row of rows) row.keys.forEach((each, index) => stream.lastValues.set(each, row.values[index]!));
    const values: RichValue[] = [];
    for (const cell of odd) {
      const rich = richValues(cell);
      if (rich) values.push(...rich);
      else refused.push({ file: name, lines: [], message: `${cell.key.slice(0, 100)} is too large or too deep` });
      stream.waiting.wait(cell);
    }
    events.push(...valuesLogged(stream, values, now), ...readyCells(stream, now));
    if (unreadable.length > 0)
      refused.push({ file: name, lines: unreadable.map((at) => offset + at), message: 'is not a JSON object' });
  }

  function countRow(key: string, count: number, step: number): Row {
    return { step, timeMs: now, counted: true, keys: [key], values: [count] };
  }

  function points(rows: readonly Row[]): void {
    const { startedAtMs, fromStep } = stream.told;
    for (const blocks of eventsOfRows(rows)) {
      const data = {
        blocks,
        attemptStartedAtMs: startedAtMs,
        ...(fromStep === null ? {} : { rewindTo: fromStep, hasRewindTo: true }),
      };
      const timeMs = blocks.at(-1)!.times!.reduce((a, b) => Math.max(a, b));
      events.push(stream.said('PointsLogged', data, timeMs));
    }
  }

  /** The last line is the whole summary as it is now; what is a key's last value is known from the history. */
  function summary({ content }: Chunk): void {
    const said = readLooseObject(content.at(-1)!);
    if (!said) {
      refused.push({ file: 'wandb-summary.json', lines: [content.length - 1], message: 'is not a JSON object' });
      return;
    }
    const values: Param[] = [];
    for (const [key, value] of Object.entries(said)) {
      if (key.startsWith('_')) continue;
      const name = seriesName(key);
      if (!stream.summarySet.has(name) && Object.is(stream.lastValues.get(name), value)) continue;
      const deep = isDeeper(value, limits.jsonDepthMax);
      const json = deep ? '' : wellFormed(writeStrictJson(value));
      if (deep || json.length > limits.paramValueCharsMax) {
        refused.push({
          file: 'wandb-summary.json',
          lines: [],
          message: `${name.slice(0, 100)} is too large or too deep`,
        });
        continue;
      }
      if (stream.summarySet.get(name) === json) continue;
      stream.summarySet.set(name, json);
      values.push({ key: name, json });
    }
    for (const list of inEvents(values)) events.push(stream.said('SummarySet', { values: list }, now));
  }

  function lines({ offset, content }: Chunk): void {
    const all = readConsole(content, offset, now);
    for (let from = 0; from < all.length;) {
      let [to, chars] = [from, 0];
      while (to < all.length && to - from < limits.linesPerEventMax && chars < consoleCharsPerEventMax)
        chars += all[to++]!.text.length;
      const part = all.slice(from, to);
      events.push(stream.said('LinesLogged', { lines: part }, part.at(-1)!.timeMs));
      from = to;
    }
    points([countRow(lineCountKeys.log, offset + content.length, offset + content.length)]);
  }
}
