import type { RunRow, WriterRow } from '../run-table.js';

const gapsMax = 1_000;

/**
 * "Did you get all my points?", answered with numbers from the accounting of each writer. A writer that was killed never says what
 * its last batch was; once a newer attempt has taken its place only what it did number is asked for. A rank that was never heard has
 * numbered nothing, and is missed by the size that the attempt said it has.
 */
export function completeness(run: Pick<RunRow, 'attempts'>, writers: readonly WriterRow[]) {
  const gaps = [];
  let received = 0;
  let missing = 0;
  let whole = true;
  const newest = newestAttempt(run, writers);
  for (const { writer, rank, attempt, topics, state } of writers) {
    for (const { topic, maxSeq, lastSeq, gaps: holes } of topics) {
      const end = Math.max(maxSeq, lastSeq ?? 0);
      const ranges = maxSeq < end ? [...holes, [maxSeq + 1, end] as const] : holes;
      const lost = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
      received += end - lost;
      missing += lost;
      for (const [fromSeq, toSeq] of ranges) gaps.push({ writer, rank, attempt, topic, fromSeq, toSeq });
    }
    whole &&= state !== 'running' || attempt !== newest;
  }
  const ranksExpected = run.attempts.find(({ number }) => number === newest)?.worldSize ?? 0;
  const ranksHeard = new Set(writers.filter(({ attempt }) => attempt === newest).map(({ rank }) => rank)).size;
  return {
    complete: writers.length > 0 && whole && missing === 0 && ranksHeard >= ranksExpected,
    ranksExpected,
    ranksHeard,
    writers: writers.length,
    writersFinished: writers.filter(({ state }) => state !== 'running').length,
    batchesReceived: received,
    batchesMissing: missing,
    gaps: gaps.slice(0, gapsMax),
  };
}

/** Attempts are in the order of the training, in which a higher number may come first: a spool delivered late. */
function newestAttempt(run: Pick<RunRow, 'attempts'>, writers: readonly WriterRow[]): number | undefined {
  const heard = new Set(writers.map(({ attempt }) => attempt));
  return run.attempts.findLast(({ number }) => heard.has(number))?.number ?? writers.at(-1)?.attempt;
}
