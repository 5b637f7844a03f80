import type { HttpClient } from './http-client.js';
import type { Poster } from './posting.js';

const query = 'query($id: ID!, $at: String) { run(id: $id, at: $at) { attempts { number toStep } } }';
interface Said {
  readonly data: { readonly run: { readonly attempts: readonly { number: number; toStep: number | null }[] } };
}

/**
 * A run that is resumed and counts by itself goes on behind the last step of the attempts before. `beat` is a heartbeat of this writer: the
 * answer then knows its shard of telemetry as far as it goes now.
 */
export async function stepsBefore(
  client: HttpClient,
  poster: Poster,
  run: string,
  attempt: number,
  beat: Buffer,
): Promise<number> {
  await poster.send([beat]);
  try {
    const body = JSON.stringify({ query, variables: { id: run, at: poster.position || null } });
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const answer = await client.request('POST', '/graphql', body, headers);
    const { attempts } = (JSON.parse(answer.body.toString('utf8')) as Said).data.run;
    return Math.max(-1, ...attempts.map(({ number, toStep }) => (number < attempt ? (toStep ?? -1) : -1))) + 1;
  } catch (error) {
    process.stderr.write(`where the run was before is not known, steps count from 0: ${(error as Error).message}\n`);
    return 0;
  }
}
