import { useCallback, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { defaultColumns, groupsMax, printColumns, readColumns, type Column } from './columns.js';

export const newestFirst = 'attributes.started_at desc';

export interface View {
  filter: string;
  orderBy: string;
  archived: boolean;
  /** Fields of the search language, outermost first. */
  groups: readonly string[];
  /** Null: nobody has chosen any. */
  columns: readonly Column[];
}
export interface ViewChange {
  filter?: string;
  orderBy?: string;
  archived?: boolean;
  groups?: readonly string[];
  columns?: readonly Column[];
}

/** How a project's runs are shown. It is the address, so that a link shows the same; columns are kept in this browser as well. */
export function useView(
  project: string,
  metricKeys: readonly string[],
  paramKeys: readonly string[],
): [View, (change: ViewChange) => void] {
  const storageKey = `runstream.table.${project}`;
  const [search, setSearch] = useSearchParams();
  const [kept, setKept] = useState<{ key: string; text: string | null }>({ key: '', text: null });
  const text = search.get('columns') ?? (kept.key === storageKey ? kept.text : localStorage.getItem(storageKey));
  const columns = useMemo(() => readColumns(text), [text]);
  const standard = useMemo(() => defaultColumns(metricKeys, paramKeys), [metricKeys, paramKeys]);
  const groupText = JSON.stringify(search.getAll('group').slice(0, groupsMax));
  const groups = useMemo(() => JSON.parse(groupText) as string[], [groupText]);
  const change = useCallback(
    (next: ViewChange) => {
      if (next.columns !== undefined) {
        const printed = printColumns(next.columns);
        localStorage.setItem(storageKey, printed);
        setKept({ key: storageKey, text: printed });
      }
      setSearch(
        (before) => {
          const put = (key: string, value: string, usual: string): void =>
            value === usual ? before.delete(key) : before.set(key, value);
          if (next.filter !== undefined) put('filter', next.filter, '');
          if (next.orderBy !== undefined) put('orderBy', next.orderBy, newestFirst);
          if (next.archived !== undefined) put('archived', next.archived ? '1' : '', '');
          if (next.columns !== undefined) before.set('columns', printColumns(next.columns));
          if (next.groups !== undefined) {
            before.delete('group');
            for (const group of next.groups) before.append('group', group);
          }
          return before;
        },
        { replace: true },
      );
    },
    [setSearch, storageKey],
  );
  const view = {
    filter: search.get('filter') ?? '',
    orderBy: search.get('orderBy') ?? newestFirst,
    archived: search.get('archived') === '1',
    groups,
    columns: columns ?? standard,
  };
  return [view, change];
}
