import { useEffect, useRef, useState } from 'react';
import { listen } from './socket.js';
import { RunChangedDocument, type RunStateFragment } from '../generated/questions.js';

/**
 * Newest states of runs, by id, laid over whatever a page asked for; `position` came with its first answer, so that nothing is missed in
 * between. Changes are gathered and shown once per 200 ms.
 */
export function useRunChanges(project: string | null, position: string | undefined): ReadonlyMap<string, RunStateFragment> {
  const [held, setHeld] = useState<{ project: string | null; changes: ReadonlyMap<string, RunStateFragment> }>({
    project,
    changes: new Map(),
  });
  const newest = useRef(position);
  useEffect(() => {
    newest.current = position;
  }, [position]);
  const answered = position !== undefined;
  useEffect(() => {
    if (!answered) return undefined;
    let changes = new Map<string, RunStateFragment>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen({
      question: RunChangedDocument,
      variables: project === null ? {} : { project },
      ...(newest.current !== undefined && { after: newest.current }),
      cursorOf: (data) => data.runChanged.cursor,
      onData: ({ runChanged }) => {
        changes.delete(runChanged.run.id);
        changes.set(runChanged.run.id, runChanged.run);
        if (changes.size > 5000) changes = new Map([...changes].slice(-2500));
        timer ??= setTimeout(() => {
          timer = undefined;
          setHeld({ project, changes: new Map(changes) });
        }, 200);
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [project, answered]);
  return held.project === project ? held.changes : new Map();
}
