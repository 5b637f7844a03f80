import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventData } from '#libs/domain/event.js';
import { openSqlDoor, type SqlDoor } from './sql-door.js';
import { started, startMs } from '../test/event-batches.js';
import { openMetricsRig, type MetricsRig } from '../test/metrics-rig.js';

type Said = Parameters<MetricsRig['write']>[0][number];

const dataset = {
  ...{ name: 'iris', digest: 'd1', sourceType: 'http', source: '{"url":"x"}', schema: '{}', profile: '{"n":3}' },
  tags: { 'mlflow.data.context': 'training' },
};
const model = { project: 'p', name: 'tree', modelType: 't', run: 'r', tags: { a: '1' } };
const trace = {
  ...{ project: 'team:p', durationMs: 30, hasDuration: true, state: 'OK', requestPreview: 'q', responsePreview: 'a' },
  ...{ clientRequestId: '', metadata: { 'mlflow.sourceRun': 'r' }, tags: { 'mlflow.traceName': 'ask' } },
};
const traced = (subject: string, data: Partial<EventData['TraceLogged']>): Said => ({
  name: 'TraceLogged',
  subject,
  timeMs: startMs,
  data: { ...trace, timeMs: 1_000, fromSpans: false, ...data },
});
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const span = {
  ...{ traceId: 'ab', spanId: '01', name: 'inner', parentSpanId: '02', startTimeUnixNano: '1000000000' },
  ...{ endTimeUnixNano: '1500500000', status: { code: 2, message: 'no' } },
  attributes: [text('mlflow.spanType', '"LLM"'), { key: 'k', value: { intValue: '7' } }, text('plain', 'words')],
  events: [{ timeUnixNano: '1', name: 'exception', attributes: [] }],
};
const said = (name: Said['name'], subject: string, data: object): Said =>
  ({ name, subject, timeMs: startMs, data }) as Said;

describe('what runs read and made, and traces, in SQL', () => {
  let rig: MetricsRig;
  let door: SqlDoor;
  const ask = async (sql: string): Promise<string[]> => {
    const answer = await door.run(sql);
    let found = '';
    for await (const chunk of answer.body) found += String(chunk);
    expect(answer.status, found).toBe(200);
    return found.trim() === '' ? [] : found.trim().split('\n');
  };
  beforeAll(async () => {
    rig = await openMetricsRig();
    door = openSqlDoor({ address: () => rig.engine.address('sql'), embedded: true });
    const param = (json: string) => ({ key: 'C', json });
    await rig.write([
      started('r', { params: [param('0.1'), { key: 'opt', json: '"adam"' }] }),
      started('gone'),
      said('InputsLogged', 'r', { datasets: [dataset, { ...dataset, source: 'later' }], models: ['m-0'] }),
      said('InputsLogged', 'gone', { datasets: [dataset], models: [] }),
      said('RunDeleted', 'gone', {}),
      said('OutputsLogged', 'r', { models: [{ model: 'm-1', step: 4 }] }),
      said('ParamsLogged', 'other', { params: [param('"0.2"')], immutable: true }),
      started('other'),
      said('LoggedModelCreated', 'm-1', { ...model, params: [param('"0.1"')] }),
      said('LoggedModelChanged', 'm-1', { status: 'READY', tags: { b: '2' }, removed: ['a'], params: [] }),
      said('LoggedModelMeasured', 'm-1', {
        metrics: [NaN, 0.5].map((value) => ({
          ...{ key: 'acc', value, timeMs: 5, step: 1, datasetName: 'iris', datasetDigest: 'd1', run: 'r' },
        })),
      }),
      said('LoggedModelCreated', 'm-2', { ...model, params: [] }),
      said('LoggedModelDeleted', 'm-2', {}),
      traced('team..tr-1', {}),
      // what spans tell comes late, and says less than the client did
      traced('team..tr-1', { fromSpans: true, timeMs: 1, durationMs: 9_999, state: 'ERROR', requestPreview: 'other' }),
      said('TraceTagsSet', 'team..tr-1', { tags: { team: 'a' }, removed: [] }),
      said('TraceLinked', 'team..tr-1', { runs: ['r2', 'r'] }),
      said('TraceAssessed', 'team..tr-1', { assessments: [{ key: 'a-1', json: '{"x":1}' }], removed: [] }),
      said('SpansLogged', 'team..tr-1', { spans: [JSON.stringify(span), 'no span'] }),
      traced('tr-2', { project: 'p', fromSpans: true, timeMs: 500, durationMs: 10, state: '' }),
      traced('tr-2', { project: 'p', fromSpans: true, timeMs: 400, durationMs: 500, state: 'ERROR' }),
      traced('tr-3', { project: 'p' }),
      said('TraceDeleted', 'tr-3', {}),
    ]);
  });
  afterAll(async () => {
    door.close();
    await rig.close();
  });

  it('params of all clients are read alike, and exactly as JSON', async () => {
    const sql =
      "SELECT run, toFloat64OrNull(params['C']), params_json['C'] FROM runs WHERE params['C'] != '' ORDER BY run";
    expect(await ask(sql)).toEqual(['other\t0.2\t"0.2"', 'r\t0.1\t0.1']);
    expect(await ask("SELECT params['opt'] FROM runs WHERE run = 'r'")).toEqual(['adam']);
  });

  it('data sets and models of runs that are not deleted, as they were said first', async () => {
    expect(
      await ask("SELECT project, run, name, digest, context, source, tags['mlflow.data.context'] FROM datasets"),
    ).toEqual(['vision\tr\tiris\td1\ttraining\t{"url":"x"}\ttraining']);
    expect(await ask('SELECT run, direction, model, step FROM model_io ORDER BY direction')).toEqual([
      'r\tinput\tm-0\t0',
      'r\toutput\tm-1\t4',
    ]);
  });

  it('logged models with what was measured of them', async () => {
    const sql = "SELECT project, model, name, type, run, status, params['C'], tags FROM logged_models";
    expect(await ask(sql)).toEqual(["p\tm-1\ttree\tt\tr\tREADY\t0.1\t{'b':'2'}"]);
    expect(await ask('SELECT model, key, value, step, dataset, digest, run FROM model_metrics ORDER BY value')).toEqual(
      ['m-1\tacc\t0.5\t1\tiris\td1\tr', 'm-1\tacc\tnan\t1\tiris\td1\tr'],
    );
  });

  it('traces by the id that their client gave them, as their clients or else their spans say', async () => {
    const sql = `SELECT project, trace, name, status, toUnixTimestamp64Milli(started_at), duration_ms, request_preview, runs, tags['team'],
      assessments['a-1'], '.' FROM traces ORDER BY trace`;
    expect(await ask(sql)).toEqual([
      `team:p\ttr-1\task\tOK\t1000\t30\tq\t['r','r2']\ta\t{"x":1}\t.`,
      `p\ttr-2\task\tERROR\t400\t500\tq\t['r']\t\t\t.`,
    ]);
  });

  it('spans with their attributes as text', async () => {
    const sql = `SELECT project, trace, span, parent, name, type, status, status_message, duration_ms, attributes['k'], attributes['plain'],
      JSONExtractString(events, 1, 'name') FROM spans`;
    expect(await ask(sql)).toEqual(['team:p\ttr-1\t01\t02\tinner\tLLM\tERROR\tno\t500.5\t7\twords\texception']);
  });
});
