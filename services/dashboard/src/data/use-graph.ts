import { useCallback, useEffect, useRef, useState } from 'react';
import type { AnyVariables, TypedDocumentNode } from 'urql';
import { client, readTrouble, reportTrouble, type Trouble } from './client.js';
import { useServerEpoch } from './connection.js';

export interface Answer<Data> {
  data: Data | undefined;
  trouble: Trouble | null;
  loading: boolean;
  refresh: () => void;
}

interface Held<Data> {
  scope: string;
  data: Data | undefined;
  trouble: Trouble | null;
  loading: boolean;
}

const retryMsMax = 10_000;

/**
 * Asks a question and keeps the last answer while it asks again or the server is away: an outage never empties a page.
 * `scope` says what the answer is about; data of another scope is dropped at once instead of shown under a wrong title.
 */
export function useGraph<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  options: { everyMs?: number | null; paused?: boolean; scope?: string } = {},
): Answer<Data> {
  const asked = JSON.stringify(variables);
  const scope = options.scope ?? asked;
  const paused = options.paused === true;
  const everyMs = options.everyMs ?? null;
  const epoch = useServerEpoch();
  const [turn, setTurn] = useState(0);
  const [held, setHeld] = useState<Held<Data>>({ scope, data: undefined, trouble: null, loading: true });
  const failures = useRef(0);

  useEffect(() => {
    if (paused) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => setTurn((n) => n + 1), ms);
    };
    const query = client.query(document, JSON.parse(asked) as Variables, { requestPolicy: 'cache-and-network' });
    const subscription = query.subscribe((result) => {
      const trouble = result.error === undefined ? null : readTrouble(result.error);
      // A stale result comes from the cache and says nothing about the server.
      if (!result.stale) reportTrouble(trouble);
      failures.current = trouble?.kind === 'unreachable' ? failures.current + 1 : 0;
      setHeld((before) => {
        const kept = before.scope === scope ? before.data : undefined;
        return { scope, data: result.data ?? kept, trouble, loading: result.stale };
      });
      if (trouble?.kind === 'unreachable') again(Math.min(retryMsMax, 500 * 2 ** Math.min(failures.current, 5)));
      else if (everyMs !== null && !result.stale) again(everyMs);
    });
    return () => {
      clearTimeout(timer);
      subscription.unsubscribe();
    };
  }, [document, asked, scope, paused, everyMs, epoch, turn]);

  const refresh = useCallback(() => setTurn((n) => n + 1), []);
  const current = held.scope === scope;
  return {
    data: current ? held.data : undefined,
    trouble: current ? held.trouble : null,
    loading: current ? held.loading : true,
    refresh,
  };
}
