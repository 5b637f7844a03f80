import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { client, readTrouble, reportTrouble, type Trouble } from '../data/client.js';
import { useServerEpoch } from '../data/connection.js';
import { perKey } from '../data/per-key.js';
import { RunsDocument, type RunsQuery, type RunsQueryVariables } from '../generated/questions.js';

export type RunRow = RunsQuery['runs']['nodes'][number];

export interface RunsAsk {
  project: string;
  filter: string;
  orderBy: string;
  metricKeys: readonly string[];
  withParams: boolean;
  withTags: boolean;
  archived: boolean;
}
export interface RunsPages {
  rows: readonly RunRow[];
  totalCount: number;
  /** Of the newest first page; undefined before there is one. */
  position: string | undefined;
  trouble: Trouble | null;
  loading: boolean;
  loaded: boolean;
  loadMore: () => void;
  refresh: () => void;
}
interface Held {
  rows: readonly RunRow[];
  totalCount: number;
  position: string | undefined;
  endCursor: string | null;
  more: boolean;
  trouble: Trouble | null;
  loading: boolean;
  loaded: boolean;
}

const pageRows = 100;
const rowsMax = 20_000;
const start: Held = {
  rows: [],
  totalCount: 0,
  position: undefined,
  endCursor: null,
  more: false,
  trouble: null,
  loading: true,
  loaded: false,
};

/** Keyset pages of runs, gathered as a person scrolls. A refused filter keeps the rows of the last accepted one. */
export function useRunsPages(ask: RunsAsk): RunsPages {
  const asked = JSON.stringify(ask);
  const epoch = useServerEpoch();
  const [turn, setTurn] = useState(0);
  const [held, setHeld] = useState<Held>(start);
  const busy = useRef(false);

  const load = useCallback(
    async (after: string | null, wanted: () => boolean): Promise<void> => {
      const { project, filter, orderBy, metricKeys, withParams, withTags, archived } = JSON.parse(asked) as RunsAsk;
      const variables: RunsQueryVariables = {
        project,
        filter: filter.trim() === '' ? null : filter,
        orderBy,
        first: pageRows,
        after,
        archived,
        withParams,
        withTags,
      };
      busy.current = true;
      setHeld((before) => ({ ...before, loading: true }));
      const answer = await client
        .query(perKey(RunsDocument, 'm', metricKeys), variables, { requestPolicy: 'network-only' })
        .toPromise();
      if (!wanted()) return;
      busy.current = false;
      const trouble = answer.error === undefined ? null : readTrouble(answer.error);
      reportTrouble(trouble);
      const page = answer.data?.runs;
      setHeld((before) => {
        if (trouble !== null || page === undefined) return { ...before, trouble, loading: false, loaded: true };
        const seen = new Set(after === null ? [] : before.rows.map((row) => row.id));
        const rows = after === null ? page.nodes : [...before.rows, ...page.nodes.filter((row) => !seen.has(row.id))];
        return {
          rows,
          totalCount: page.totalCount,
          position: after === null ? answer.data?.position : before.position,
          endCursor: page.pageInfo.endCursor,
          more: page.pageInfo.hasNextPage && rows.length < rowsMax,
          trouble: null,
          loading: false,
          loaded: true,
        };
      });
      if (trouble?.kind === 'unreachable') setTimeout(() => wanted() && setTurn((n) => n + 1), 3000);
    },
    [asked],
  );

  useEffect(() => {
    let wanted = true;
    void load(null, () => wanted);
    return () => {
      wanted = false;
    };
  }, [load, turn, epoch]);

  const { more, endCursor } = held;
  const loadMore = useCallback(() => {
    if (more && !busy.current) void load(endCursor, () => true);
  }, [load, more, endCursor]);
  const refresh = useCallback(() => setTurn((n) => n + 1), []);
  return useMemo(() => ({ ...held, loadMore, refresh }), [held, loadMore, refresh]);
}
