import { gql } from '../../rigs/client.js';
import { openServerRig, type ServerRig } from '../../rigs/server-rig.js';

export async function withServer<T>(work: (rig: ServerRig) => Promise<T>): Promise<T> {
  const rig = await openServerRig();
  try {
    return await work(rig);
  } finally {
    await rig.close();
  }
}

/** Resolves when both projections have applied all that is in the log now: everything acked can be queried. */
export async function queryable(url: string): Promise<void> {
  for (;;) {
    const { server } = await gql(url, '{ server { projections { lag waiting } } }');
    if (server.projections.every(({ lag }: { lag: number }) => lag === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Points of a run as SQL counts them, each once; the clock's rows are none of the writers'. */
export async function countPoints(url: string, run: string): Promise<number> {
  const sql = `SELECT count() FROM metrics WHERE run = '${run}' FORMAT TSV`;
  const answer = await fetch(`${url}/clickhouse`, { method: 'POST', body: sql });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`counting points: ${answer.status} ${text}`);
  return Number(text);
}
