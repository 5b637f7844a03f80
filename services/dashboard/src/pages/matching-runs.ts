import { client, readTrouble, reportTrouble } from '../data/client.js';
import { RunIdsDocument, type RunIdsQueryVariables } from '../generated/questions.js';

/** More at once is nothing that a person has looked at. */
export const matchingMax = 10_000;

/** Ids of all runs that match, newest first; a sentence where the server did not answer. */
export async function matchingRuns(project: string, filter: string, archived: boolean): Promise<string[] | string> {
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const variables: RunIdsQueryVariables = { project, filter: filter.trim() === '' ? null : filter, archived, after };
    const answer = await client.query(RunIdsDocument, variables, { requestPolicy: 'network-only' }).toPromise();
    const page = answer.data?.runs;
    if (page === undefined) {
      const trouble = answer.error === undefined ? null : readTrouble(answer.error);
      reportTrouble(trouble);
      return trouble?.message ?? 'The server gave no answer.';
    }
    ids.push(...page.nodes.map(({ id }) => id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null && ids.length < matchingMax);
  return ids.slice(0, matchingMax);
}
