import { gql } from '../../rigs/client.js';
import { openEmbeddedServer, type ServerRig } from '../../rigs/embedded-rig.js';

export async function withServer<T>(work: (rig: ServerRig) => Promise<T>): Promise<T> {
  const rig = await openEmbeddedServer();
  try {
    return await work(rig);
  } finally {
    await rig.close();
  }
}

interface Lag {
  readonly partition: string;
  readonly end: number;
  readonly lag: number;
}

/** Resolves when both projections have applied all that is in the log now, or all but a number of records: what was acked can be queried. */
export async function queryable(url: string, lagMax = 0): Promise<void> {
  for (;;) {
    const { server } = await gql(url, '{ server { projections { partition end lag } } }');
    const projections = server.projections as readonly Lag[];
    if (projections.every(({ lag }) => lag <= lagMax)) return;
    // as a reader who has just written waits; it may take longer than one question does
    const at = [
      ...new Set(projections.map(({ partition, end }) => `${partition}@${Math.max(0, end - lagMax)}`)),
    ].join();
    await gql(url, 'query($at: String) { runs(first: 1, at: $at) { totalCount } }', { at }).catch((error: unknown) => {
      if (!/position/.test((error as Error).message)) throw error;
    });
  }
}

/** Points of a run as its charts count them, each once, over all ranks. */
export async function countPoints(url: string, run: string): Promise<number> {
  const { run: found } = await gql(url, 'query($id: ID!) { run(id: $id) { metricKeys } }', { id: run });
  let count = 0;
  for (const key of found.metricKeys as string[]) {
    const question =
      'query($id: ID!, $keys: [String!]!) { run(id: $id) { series(keys: $keys, buckets: 2) { count } } }';
    const answer = await gql(url, question, { id: run, keys: [key] });
    for (const series of answer['run'].series as { count: number[] }[]) for (const some of series.count) count += some;
  }
  return count;
}
