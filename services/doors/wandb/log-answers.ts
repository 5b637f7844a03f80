import type { KnownRun } from './known-run.js';

const linesMax = 10_000;

/** Console lines as pages from the beginning, or as the last ones. */
export async function logLines({ world, run }: KnownRun, asked: { first?: number; after?: string; last?: number }) {
  const { id } = run.state;
  await world.log.subjectsSettled([id], ['points']);
  const { lines } = await world.backend.metricStore.lines({ run: id, last: linesMax });
  const from = asked.after ? Number(asked.after) + 1 || 0 : 0;
  const start = asked.last ? Math.max(0, lines.length - asked.last) : from;
  const page = lines.slice(start, asked.last ? undefined : start + (asked.first ?? 1_000));
  return {
    pageInfo: {
      startCursor: String(start),
      endCursor: page.length > 0 ? String(start + page.length - 1) : null,
      hasNextPage: start + page.length < lines.length,
      hasPreviousPage: start > 0,
    },
    edges: page.map(({ number, timeMs, stream, text, rank }) => ({
      node: {
        number: number - 1,
        timestamp: new Date(timeMs).toISOString().replace('Z', ''),
        level: stream === 'stderr' ? 'error' : 'info',
        label: rank > 0 ? `rank ${rank}` : null,
        line: text,
      },
    })),
  };
}
