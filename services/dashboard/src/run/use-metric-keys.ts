import { useEffect, useState } from 'react';
import type { Trouble } from '../data/client.js';
import { useGraph } from '../data/use-graph.js';
import { MetricKeysDocument } from '../generated/questions.js';

/** Each is a chart of its own: more of them at once make a page slow that nobody could look through. */
const shownAtOnce = 500;
const typingMs = 200;

interface MetricKeys {
  /** Undefined while nothing is known; while a new search is under way, what the last one found. */
  keys: readonly string[] | undefined;
  /** The last of them in the server's order when it has more, else null. */
  more: string | null;
  /** Whether this is the server's answer to this very search: only then is what is missing not there. */
  settled: boolean;
  showMore: () => void;
  trouble: Trouble | null;
}

/** Keys of a run, searched by the server: a run can have a hundred thousand. */
export function useMetricKeys(run: string, search: string, everyMs: number | null): MetricKeys {
  const [match, setMatch] = useState(search);
  const [shownMax, setShownMax] = useState(shownAtOnce);
  useEffect(() => {
    const timer = setTimeout(() => setMatch(search), typingMs);
    return () => clearTimeout(timer);
  }, [search]);
  const asked = useGraph(
    MetricKeysDocument,
    { id: run, match: match === '' ? null : match, first: shownMax + 1 },
    { everyMs },
  );
  const answer = asked.data?.run?.metricKeys;
  const [last, setLast] = useState<readonly string[] | undefined>(undefined);
  useEffect(() => {
    if (answer !== undefined) setLast(answer);
  }, [answer]);
  const known = answer ?? last;
  const cut = known !== undefined && known.length > shownMax;
  const keys = cut ? known.slice(0, shownMax) : known;
  return {
    keys: keys?.length === 0 && (answer === undefined || match !== search) ? undefined : keys,
    more: cut ? (keys?.at(-1) ?? null) : null,
    settled: answer !== undefined && match === search,
    showMore: () => setShownMax((max) => max + shownAtOnce),
    trouble: asked.trouble,
  };
}
