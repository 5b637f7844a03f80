import { readTraceFilter, readTraceOrders } from '#libs/runs/search/trace-filter.js';
import { readOffset, writeOffset, type Answer, type Call } from './call.js';
import { invalid } from './mlflow-error.js';
import { mlflowLimits } from './names.js';
import { writeTraceInfo } from './trace-answers.js';
import type { FoundTrace } from './traces.js';

/** Pages are no longer than this; clients ask for the next one until they have what they want. */
const pageMax = 1_000;

export async function searchTraces(call: Call): Promise<Answer> {
  const { found, token } = await pageOfTraces(call);
  return {
    traces: found.map(({ trace, experiment }) => writeTraceInfo(trace, experiment)),
    ...(token === null ? {} : { next_page_token: token }),
  };
}

/** One page, and the token of the next one. */
export async function pageOfTraces({ world, fields }: Call): Promise<{ found: FoundTrace[]; token: string | null }> {
  const max = fields.whole('max_results') ?? 100;
  if (max < 1 || max > mlflowLimits.searchResultsMax)
    throw invalid(
      `Invalid value ${max} for parameter 'max_results' supplied. It must be at most ${mlflowLimits.searchResultsMax}, and at least 1`,
    );
  const asked = fields
    .objects('locations')
    .map((item) => item.object('mlflow_experiment')?.text('experiment_id') ?? '');
  const ids = new Set([...asked, ...fields.texts('experiment_ids')]);
  const offset = readOffset(fields.text('page_token'));
  const limit = Math.min(max, pageMax);
  const query = {
    clauses: readTraceFilter(fields.text('filter')),
    orders: readTraceOrders(fields.texts('order_by')),
    limit,
    offset,
  };
  const experiments = (await world.experiments()).filter(({ number }) => ids.has(String(number)));
  await world.log.settled();
  const byKey = new Map(experiments.map((experiment) => [experiment.name, experiment]));
  const found = await world.backend.tracking.traces.search({ projects: [...byKey.keys()], ...query });
  return {
    found: found.slice(0, limit).map((trace) => ({ trace, experiment: byKey.get(trace.project)! })),
    token: found.length > limit ? writeOffset(offset + limit) : null,
  };
}
