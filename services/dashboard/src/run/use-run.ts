import { useEffect, useState } from 'react';
import { RunHeadChangedDocument, RunHeadDocument, type RunHeadFragment } from '../generated/questions.js';
import { listen } from '../data/socket.js';
import { useGraph, type Answer } from '../data/use-graph.js';

/** A run's head, kept current by push: each change makes the page ask once more, so that answers never go back in time. */
export function useRun(id: string): Answer<{ run: RunHeadFragment | null }> {
  const asked = useGraph(RunHeadDocument, { id }, { everyMs: 3_000 });
  const { refresh, data } = asked;
  const [pushed, setPushed] = useState<RunHeadFragment | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen({
      question: RunHeadChangedDocument,
      variables: { ids: [id] },
      cursorOf: (change) => change.runChanged.cursor,
      onData: ({ runChanged }) => {
        setPushed(runChanged.run);
        timer ??= setTimeout(() => {
          timer = undefined;
          setPushed(null);
          refresh();
        }, 1000);
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [id, refresh]);
  return pushed?.id === id ? { ...asked, data: { run: pushed } } : data === undefined ? asked : { ...asked, data };
}
