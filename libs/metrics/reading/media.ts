import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { RichKind } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';
import { nameHash } from '../metric-names.js';
import type { MediaKey, MediaPage, MediaQuery, StoredMedia } from '../metric-store.js';
import type { TableLookup } from '../tables/live-generation.js';
import { visibleMedia } from '../tables/media-view.js';
import { rankCondition } from './visible-steps.js';

const stepsMax = 10_000;

/** Under which keys a run has values that are no numbers, in order, and at which steps. */
export async function readMediaKeys(
  client: ClickHouseClient,
  table: TableLookup,
  run: string,
  signal?: AbortSignal,
): Promise<readonly MediaKey[]> {
  const rows = await client.query(
    `SELECT key, argMax(kind, version) AS kind, arraySort(groupUniqArray(${stepsMax})(toFloat64(step))) AS steps, toFloat64(uniqExact(step)) AS n,
       arraySort(groupUniqArray(${stepsMax})(rank)) AS ranks
     FROM (${visibleMedia(table, `run = ${nameHash(run)}`)}) GROUP BY key ORDER BY key LIMIT ${stepsMax}`,
    { signal },
  );
  if (rows.rows === 0) return [];
  const [keys, kinds, steps, ranks, counts] = [
    rows.texts('key'),
    rows.texts('kind'),
    rows.arrays('steps'),
    rows.arrays('ranks'),
    rows.f64('n'),
  ];
  const slice = ({ offsets, values }: typeof steps, index: number): number[] =>
    Array.from(values as Float64Array).slice(index === 0 ? 0 : Number(offsets[index - 1]), Number(offsets[index]));
  return keys.map((key, index) => ({
    key,
    kind: kinds[index] as RichKind,
    steps: slice(steps, index),
    stepCount: counts[index]!,
    ranks: slice(ranks, index),
  }));
}

/** A page in the order of key, step, rank and place. */
export async function readMediaPage(
  client: ClickHouseClient,
  table: TableLookup,
  query: MediaQuery,
  signal?: AbortSignal,
): Promise<MediaPage> {
  const conditions = ['1'];
  const params: Record<string, unknown> = {};
  if (query.keys) {
    if (query.keys.length === 0) return { values: [], endCursor: null, hasNextPage: false };
    conditions.push('key IN ({keys:Array(String)})');
    params['keys'] = query.keys;
  }
  if (query.from !== undefined) conditions.push(`step >= ${Math.ceil(query.from)}`);
  if (query.to !== undefined) conditions.push(`step < ${Math.ceil(query.to)}`);
  const seen = [rankCondition(query.ranks)];
  if (query.after !== undefined) {
    const after = readCursor(query.after);
    seen.push(`(key, step, rank, place) > ({after:String}, ${after.step}, ${after.rank}, ${after.place})`);
    params['after'] = after.key;
  }
  const rows = await client.query(
    `SELECT key, toFloat64(step) AS s, rank, toUInt32(attempt) AS a, place, toFloat64(time) AS t, kind, mime, text, data, digest,
       toFloat64(size) AS z, caption, facts
     FROM (${visibleMedia(table, `run = ${nameHash(query.run)}`, conditions.join(' AND '))}) WHERE ${seen.join(' AND ')} ORDER BY key, step, rank, place LIMIT ${query.first + 1}`,
    { params, signal },
  );
  const found: StoredMedia[] = [];
  for (let i = 0; i < Math.min(rows.rows, query.first); i++)
    found.push({
      key: rows.texts('key')[i]!,
      step: rows.f64('s')[i]!,
      rank: rows.u32('rank')[i]!,
      attempt: rows.u32('a')[i]!,
      index: rows.u32('place')[i]!,
      timeMs: rows.f64('t')[i]!,
      kind: rows.texts('kind')[i] as RichKind,
      mime: rows.texts('mime')[i]!,
      text: rows.texts('text')[i]!,
      data: rows.texts('data')[i]!,
      digest: rows.texts('digest')[i]!,
      sizeBytes: rows.f64('z')[i]!,
      caption: rows.texts('caption')[i]!,
      facts: JSON.parse(rows.texts('facts')[i]!) as Record<string, string>,
    });
  const last = found.at(-1);
  return {
    values: found,
    endCursor: last ? `${last.step}.${last.rank}.${last.index}.${last.key}` : null,
    hasNextPage: rows.rows > query.first,
  };
}

function readCursor(text: string): { step: number; rank: number; place: number; key: string } {
  const match = /^(-?\d{1,16})\.(\d{1,10})\.(\d{1,10})\.(.*)$/s.exec(text);
  if (!match) throw new Rejection('INVALID_ARGUMENT', `after: "${text}" is not a cursor of this list`, 'after');
  return { step: Number(match[1]), rank: Number(match[2]), place: Number(match[3]), key: match[4]! };
}
