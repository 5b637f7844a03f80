import { useCallback, useEffect, useRef, useState } from 'react';

interface Chosen {
  chosen: ReadonlySet<string>;
  choose: (id: string, chosen: boolean, range: boolean) => void;
  chooseAll: (ids: readonly string[], chosen: boolean) => void;
  clear: () => void;
}

/** Those between two rows of a list, both included; only the second where the first is not there. */
export function between(list: readonly string[], from: string | null, to: string): readonly string[] {
  const [start, end] = [from === null ? -1 : list.indexOf(from), list.indexOf(to)];
  return start < 0 || end < 0 ? [to] : list.slice(Math.min(start, end), Math.max(start, end) + 1);
}

/** Runs chosen in the table, in the order in which they were chosen; none once it is about something else. */
export function useChosen(scope: string, listed: readonly { readonly id: string }[]): Chosen {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const last = useRef<string | null>(null);
  const ids = useRef<readonly string[]>([]);
  useEffect(() => {
    ids.current = listed.map(({ id }) => id);
  }, [listed]);
  const chooseAll = useCallback((some: readonly string[], on: boolean) => {
    setChosen((before) => {
      const after = new Set(before);
      for (const id of some) {
        if (on) after.add(id);
        else after.delete(id);
      }
      return after;
    });
  }, []);
  const choose = useCallback(
    (id: string, on: boolean, range: boolean) => {
      chooseAll(range ? between(ids.current, last.current, id) : [id], on);
      last.current = id;
    },
    [chooseAll],
  );
  const clear = useCallback(() => setChosen(new Set()), []);
  useEffect(() => {
    clear();
    last.current = null;
  }, [scope, clear]);
  return { chosen, choose, chooseAll, clear };
}
