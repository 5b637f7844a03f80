import { openSocket } from '../../rigs/client.js';
import { Generator } from './processes.js';
import { quantile, round, type Bench } from './figure.js';
import { withServer } from './served.js';

const writers = 1_024;
const [keys, steps] = [10, 10];
const warmUpMs = 4_000;
const now = (): number => performance.timeOrigin + performance.now();

interface Frame {
  readonly snapshot: boolean;
  readonly series: readonly { readonly key: string; readonly rank: number; readonly value: readonly number[] }[];
}

/**
 * Ages of values at a viewer: they are the time at which they were logged. `live.p99_ms` is from log() in a real SDK process, through
 * spool, sender, server and socket, while 1,024 simulated writers post 100 points each a second; theirs from POST stands in the note.
 */
export async function measureLive(bench: Bench): Promise<void> {
  const seconds = bench.quick ? 10 : 30;
  await withServer(async ({ server: { url } }) => {
    const probe = Generator.typescript('./live-probe.ts', [url, String(seconds)]);
    const load = Generator.typescript('./post-points.ts', [
      url,
      'live',
      'pace',
      ...[writers, keys, steps, seconds].map(String),
    ]);
    const sockets = [openSocket(url), openSocket(url)] as const;
    try {
      const { run } = await probe.next();
      await load.next();
      const begin = now();
      const fromLog = watch(sockets[0], String(run), 'probe', begin + warmUpMs);
      const fromPost = watch(sockets[1], 'live', 'sent', begin + warmUpMs);
      const done = await load.next();
      const rate = (writers * keys * steps * seconds) / (done['seconds'] as number);
      probe.stop();
      const load2 = `${writers} writers post ${keys * steps} points/s each for ${seconds} s (${round(rate)} points/s, ${done['failed']} failed, generator late p99 ${round(done['lateP99Ms'] as number)} ms)`;
      const post = `from POST of these p50 ${round(quantile(fromPost, 0.5))}, p99 ${round(quantile(fromPost, 0.99))} ms of ${fromPost.length}`;
      bench.print(
        'live.p99_ms',
        quantile(fromLog, 0.99),
        'ms',
        `log() of an SDK process to a graphql-ws subscriber, ${fromLog.length} values, p50 ${round(quantile(fromLog, 0.5))}; ${load2}; ${post}`,
      );
    } finally {
      probe.stop();
      load.stop();
      await Promise.all(sockets.map(async (socket) => socket.dispose()));
    }
  });
}

/** Collects the age of every value that is not part of the first snapshot and was logged after `from`. */
export function watch(socket: ReturnType<typeof openSocket>, run: string, key: string, from: number): number[] {
  const ages: number[] = [];
  socket.subscribe<{ metricFrames: { frame: Frame } }>(
    {
      query: 'subscription($run: ID!, $keys: [String!]) { metricFrames(run: $run, keys: $keys) { frame } }',
      variables: { run, keys: [key] },
    },
    {
      next: ({ data }) => {
        const at = now();
        if (!data || data.metricFrames.frame.snapshot) return;
        // simulated writers stamp the last step of a request; the others are curves far below any time
        for (const { value } of data.metricFrames.frame.series)
          for (const sent of value) if (sent > from) ages.push(at - sent);
      },
      error: (error) => process.stderr.write(`# live: ${JSON.stringify(error)}\n`),
      complete: () => undefined,
    },
  );
  return ages;
}
