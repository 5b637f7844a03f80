import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { AwsError } from '../../http/aws-error.js';
import { contentId, type Said } from '../shared/command-log.js';
import { toBlocks, type Point } from '../shared/point-blocks.js';
import type { Answer, Call } from './call.js';
import { findComponent } from './components.js';
import { historyMax, moments } from './metric-summaries.js';
import { writeNumber } from './arns.js';
import type { Input } from './shapes.js';
import { source } from './world.js';

/** Points are acknowledged when they are durable. Their time is the client's, in whole seconds; those of one second keep their order. */
export async function putMetrics(call: Call, input: Input<'BatchPutMetrics'>, body: Uint8Array): Promise<Answer> {
  const { world } = call;
  const run = await findComponent(world, input.TrialComponentName);
  const { id } = run.state;
  return world.inTurn(`points ${id}`, async () => {
    const [given, counted] = [[] as Point[], [] as Point[]];
    const seen = new Map<string, number>();
    for (const { MetricName: key, Timestamp: time, Value: value, Step: step } of input.MetricData) {
      const second = Math.floor(time / 1_000) * 1_000;
      const place = `${second} ${step ?? ''} ${key}`;
      const order = seen.get(place) ?? 0;
      seen.set(place, order + 1);
      if (step !== undefined) given.push({ key, value, timeMs: second + order, step });
      else counted.push({ key, value, timeMs: second + order, step: await world.steps.next(id, key) });
    }
    const times = input.MetricData.map(({ Timestamp }) => Timestamp);
    const blocks = [...toBlocks(given), ...toBlocks(counted).map((block) => ({ ...block, counted: true }))];
    const said: Said = {
      name: 'PointsLogged',
      subject: id,
      timeMs: Math.max(...times),
      // tries of one call are one event; the same points sent by another call are other points
      ...(call.invocation === ''
        ? {}
        : {
            id: contentId(source, 'points', Buffer.concat([Buffer.from(`${call.caller} ${call.invocation} `), body])),
          }),
      data: { blocks },
    };
    await world.log.tell(said);
    return {};
  });
}

type Query = Input<'BatchGetMetrics'>['MetricQueries'][number];
const periodsMs = { OneMinute: 60_000, FiveMinute: 300_000, OneHour: 3_600_000 } as const;

export async function getMetrics(call: Call, input: Input<'BatchGetMetrics'>): Promise<Answer> {
  const results: Answer[] = [];
  for (const query of input.MetricQueries) {
    try {
      const run = await findComponent(call.world, query.ResourceArn);
      results.push({ Status: 'Complete', ...(await seriesOf(call, run, query)) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      results.push({ Status: 'ValidationError', Message: error.message, XAxisValues: [], MetricValues: [] });
    }
  }
  return { MetricQueryResults: results };
}

async function seriesOf(call: Call, run: TrackedRun, query: Query): Promise<Answer> {
  const { world } = call;
  const { id } = run.state;
  await world.log.subjectsSettled([id], ['points']);
  const asked = { run: id, key: query.MetricName, offset: 0, limit: historyMax };
  const { step, time, value } = await world.backend.metricStore.history(asked);
  const byTime = query.XAxisType === 'Timestamp';
  const { Start: from = -Infinity, End: to = Infinity, Period: period } = query;
  const buckets = new Map<number, { readonly x: number; readonly values: number[] }>();
  for (let i = 0; i < value.length; i++) {
    const x = byTime ? Math.floor(time[i]! / 1_000) : step[i]!;
    if (x < from || x > to) continue;
    const bucket = period === 'IterationNumber' ? step[i]! : Math.floor(time[i]! / periodsMs[period]);
    const at = byTime && period !== 'IterationNumber' ? (bucket * periodsMs[period]) / 1_000 : x;
    const known = buckets.get(bucket);
    if (known) known.values.push(value[i]!);
    else buckets.set(bucket, { x: at, values: [value[i]!] });
  }
  const rows = [...buckets.values()].sort((a, b) => a.x - b.x);
  return {
    XAxisValues: rows.map(({ x }) => x),
    MetricValues: rows.map(({ values }) => writeNumber(statOf(query.MetricStat, values))),
  };
}

function statOf(stat: Query['MetricStat'], values: readonly number[]): number {
  switch (stat) {
    case 'Min':
      return values.reduce((a, b) => Math.min(a, b));
    case 'Max':
      return values.reduce((a, b) => Math.max(a, b));
    case 'Count':
      return values.length;
    case 'Last':
      return values.at(-1)!;
    case 'Avg':
      return moments(values).mean;
    case 'StdDev':
      return moments(values).deviation;
  }
}
