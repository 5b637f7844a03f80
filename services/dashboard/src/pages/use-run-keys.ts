import { RunKeysDocument, type RunKeyKind } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';

const none: readonly string[] = [];

/** Keys of the project's newest runs, found by the server; undefined before the first answer. */
export function useRunKeys(
  project: string,
  kind: RunKeyKind,
  match: string,
  first: number,
): readonly string[] | undefined {
  const asked = useGraph(RunKeysDocument, { project, kind, match, first }, { scope: `${project} ${kind}` });
  return asked.data?.runKeys ?? (asked.trouble?.kind === 'refused' ? none : undefined);
}
