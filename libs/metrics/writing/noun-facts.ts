import type { EventOf, Param, Tags } from '#libs/domain/event.js';
import { handle, type Handlers, type NounOfSql } from '#libs/domain/event-table.js';
import { usageKey } from '#libs/domain/trace-fold.js';
import { traceIdOf } from '#libs/domain/trace-id.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { changedVersion, firstVersion } from './fact-versions.js';

/** What a fact is about: what a run read and made, by the run's id; a model, a trace, a span, by theirs. */
type Kind = 'dataset' | 'input' | 'output' | 'model' | 'measured' | 'trace' | 'span';
type Field = '' | 'attribute' | 'param' | 'tag' | 'metadata' | 'run' | 'assessment';

/**
 * What runs read and made, and traces, for SQL: a fact a row. Who wins is decided by version alone, as `libs/domain/trace-fold.ts` and
 * `logged-model-fold.ts` decide it, so rows may come in any order.
 */
export class NounFacts {
  readonly #kind: Kind[] = [];
  readonly #id: string[] = [];
  readonly #field: Field[] = [];
  readonly #key: string[] = [];
  readonly #value: string[] = [];
  readonly #present: number[] = [];
  readonly #version: bigint[] = [];

  get rows(): number {
    return this.#kind.length;
  }

  add(event: NounOfSql, offset: number): void {
    handle(this.#handlers(event.subject, offset), event);
  }

  #handlers(subject: string, offset: number): Handlers<NounOfSql> {
    const [first, changed] = [firstVersion(offset), changedVersion(offset)];
    const put = (kind: Kind, field: Field, key: string, value: string, version = changed): void =>
      this.#put(kind, subject, field, key, value, 1, version);
    const tags = (kind: Kind, set: Tags, removed: readonly string[], version = changed): void => {
      for (const [key, value] of Object.entries(set)) put(kind, 'tag', key, value, version);
      for (const key of removed) this.#put(kind, subject, 'tag', key, '', 0, version);
    };
    const params = (list: readonly Param[], version = changed): void => {
      for (const { key, json } of list) put('model', 'param', key, json, version);
    };
    return {
      InputsLogged: ({ data, timeMs }) => {
        for (const { name, digest, ...more } of data.datasets) {
          const value = JSON.stringify({ ...more, loggedAt: timeMs });
          put('dataset', '', JSON.stringify([name, digest]), value, first);
        }
        for (const model of data.models) put('input', '', model, '0', first);
      },
      OutputsLogged: ({ data }) => {
        for (const { model, step } of data.models) put('output', '', model, String(step), first);
      },
      LoggedModelCreated: ({ data, timeMs }) => {
        const { project, name, modelType, run } = data;
        const said = { project, name, type: modelType, run, created_at: String(timeMs) };
        for (const [key, value] of Object.entries(said)) put('model', 'attribute', key, value, first);
        put('model', 'attribute', 'status', 'PENDING', first);
        params(data.params, first);
        tags('model', data.tags, [], first);
      },
      LoggedModelChanged: ({ data, timeMs }) => {
        if (data.status) put('model', 'attribute', 'status', data.status);
        put('model', 'attribute', 'updated_at', String(timeMs));
        params(data.params);
        tags('model', data.tags, data.removed);
      },
      LoggedModelMeasured: ({ data }) => {
        for (const { key, value, timeMs, step, datasetName, datasetDigest, run } of data.metrics)
          put('measured', '', JSON.stringify([key, step, timeMs, String(value), run, datasetName, datasetDigest]), '');
      },
      LoggedModelDeleted: () => put('model', 'attribute', 'deleted', '1'),
      TraceLogged: (event) => this.#trace(event, offset),
      TraceTagsSet: ({ data }) => tags('trace', data.tags, data.removed),
      TraceAssessed: ({ data }) => {
        for (const { key, json } of data.assessments) put('trace', 'assessment', key, json);
        for (const key of data.removed) this.#put('trace', subject, 'assessment', key, '', 0, changed);
      },
      TraceLinked: ({ data }) => {
        for (const run of data.runs) put('trace', 'run', run, '');
      },
      TraceDeleted: () => put('trace', 'attribute', 'deleted', '1'),
      SpansLogged: ({ data }) => {
        for (const text of data.spans) put('span', '', spanIdOf(text), text);
      },
    };
  }

  /** What its client says of a trace wins; what batches of spans tell widens it until then, and fills gaps. */
  #trace({ subject, data }: EventOf<'TraceLogged'>, offset: number): void {
    const version = data.fromSpans ? firstVersion(offset) : changedVersion(offset);
    const put = (key: string, value: string, at = version): void =>
      this.#put('trace', subject, 'attribute', key, value, 1, at);
    put('project', data.project);
    put('trace', traceIdOf(data.project, subject));
    if (data.requestPreview) put('request_preview', data.requestPreview);
    if (data.responsePreview) put('response_preview', data.responsePreview);
    for (const [key, value] of Object.entries(data.tags)) this.#put('trace', subject, 'tag', key, value, 1, version);
    for (const [key, value] of Object.entries(data.metadata)) {
      const at = data.fromSpans && key === usageKey ? BigInt(offset) : version;
      this.#put('trace', subject, 'metadata', key, value, 1, at);
    }
    const end = data.hasDuration ? data.timeMs + data.durationMs : null;
    if (!data.fromSpans) {
      put('state', data.state);
      put('client_request_id', data.clientRequestId);
      put('started_at', String(data.timeMs));
      return put('ended_at', end === null ? '' : String(end));
    }
    if (data.state) put('state', data.state, BigInt(offset));
    put('first_at', String(data.timeMs), earliest(data.timeMs));
    if (end !== null) put('last_at', String(end), latest(end));
  }

  #put(kind: Kind, id: string, field: Field, key: string, value: string, present: number, version: bigint): void {
    this.#kind.push(kind);
    this.#id.push(id);
    this.#field.push(field);
    this.#key.push(key);
    this.#value.push(value);
    this.#present.push(present);
    this.#version.push(version);
  }

  blockColumns(): BlockColumn[] {
    return [
      { name: 'kind', type: 'String', data: this.#kind },
      { name: 'id', type: 'String', data: this.#id },
      { name: 'field', type: 'String', data: this.#field },
      { name: 'key', type: 'String', data: this.#key },
      { name: 'value', type: 'String', data: this.#value },
      { name: 'present', type: 'UInt8', data: Uint8Array.from(this.#present) },
      { name: 'version', type: 'UInt64', data: BigUint64Array.from(this.#version) },
    ];
  }
}

/** Of times, before and after 1970: the earliest has the highest version, or the latest. */
const middle = 1n << 60n;
const earliest = (ms: number): bigint => middle - BigInt(Math.trunc(ms));
const latest = (ms: number): bigint => middle + BigInt(Math.trunc(ms));

/** "" for a text that is no span: other doors take any text. */
function spanIdOf(text: string): string {
  return /"spanId"\s*:\s*"([^"\\]{1,64})"/.exec(text)?.[1] ?? '';
}
