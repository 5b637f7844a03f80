import { RunCountDocument } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatCount, plural } from '../format/format.js';

/** The server's pages count no further; what says so many means so many or more. */
const pageCountMax = 1_000;

/** How many runs match, exactly: from the page where that has counted to the end, else asked for. */
export function useRunCount(project: string, filter: string, archived: boolean, counted: number): string {
  const many = counted >= pageCountMax;
  const asked = useGraph(
    RunCountDocument,
    { project, filter: filter.trim() === '' ? null : filter, archived },
    { paused: !many, everyMs: 15_000, scope: `${project} ${filter} ${archived}` },
  );
  const exact = asked.data?.runGroups.runCount;
  if (!many) return plural(counted, 'run');
  return exact === undefined ? `${formatCount(counted)}+ runs` : plural(exact, 'run');
}
