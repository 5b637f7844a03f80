import { useCallback, useEffect, useMemo, useState, type ReactElement } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { compareAddress, comparedMax } from '../compare/chosen-runs.js';
import { useNow } from '../data/clock.js';
import { ColumnChoicesDocument, ProjectTitleDocument } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { useRunChanges } from '../data/use-run-changes.js';
import { formatCount, plural } from '../format/format.js';
import { FirstRun } from '../parts/first-run.js';
import { Pending } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { ColumnPicker } from './column-picker.js';
import { defaultColumns, useChosenColumns } from './columns.js';
import { FilterBox } from './filter-box.js';
import { RunsTable } from './runs-table.js';
import { useRunsPages } from './use-runs-pages.js';

const newestFirst = 'attributes.started_at desc';

export function ProjectPage(): ReactElement {
  const name = useParams()['name'] ?? '';
  const now = useNow();
  const [search, setSearch] = useSearchParams();
  const filter = search.get('filter') ?? '';
  const orderBy = search.get('orderBy') ?? newestFirst;
  const archived = search.get('archived') === '1';
  const title = useGraph(ProjectTitleDocument, { name }).data?.project?.title ?? name;
  const choices = useGraph(ColumnChoicesDocument, { project: name });
  const sample = choices.data?.runs.nodes;
  const metricKeys = useMemo(() => [...new Set(sample?.flatMap((run) => run.metricKeys))].sort(), [sample]);
  const paramKeys = useMemo(
    () => [...new Set(sample?.flatMap((run) => run.params.map((p) => p.key)))].sort(),
    [sample],
  );
  const [chosen, choose] = useChosenColumns(name);
  const columns = useMemo(() => chosen ?? defaultColumns(metricKeys, paramKeys), [chosen, metricKeys, paramKeys]);
  const pages = useRunsPages({
    project: name,
    filter,
    orderBy,
    metricKeys: columns.metrics,
    withParams: columns.params.length > 0,
    archived,
  });
  const changes = useRunChanges(name, pages.position);
  useEffect(() => {
    document.title = `${title} · Runstream`;
  }, [title]);

  const rows = useMemo(
    () => pages.rows.map((row) => ({ ...row, ...changes.get(row.id) })).filter((row) => row.archived === archived),
    [pages.rows, changes, archived],
  );
  const known = useMemo(() => new Set(pages.rows.map((row) => row.id)), [pages.rows]);
  // an old run that a page further down will show is nothing new
  const newest = pages.rows.reduce((latest, row) => Math.max(latest, row.startedAt), 0);
  const fresh = [...changes.values()].filter(
    (run) => !known.has(run.id) && run.archived === archived && (run.status === 'RUNNING' || run.startedAt >= newest),
  ).length;
  const { refresh } = pages;
  const unfiltered = filter === '' && orderBy === newestFirst;
  useEffect(() => {
    if (fresh > 0 && unfiltered) refresh();
  }, [fresh, unfiltered, refresh]);

  const [compared, setCompared] = useState<ReadonlySet<string>>(new Set());
  const compare = useCallback((id: string, chosen: boolean) => {
    setCompared((before) => {
      const after = new Set(before);
      if (chosen && after.size < comparedMax) after.add(id);
      else after.delete(id);
      return after;
    });
  }, []);
  useEffect(() => setCompared(new Set()), [name]);

  const put = (key: string, value: string, standard: string): void =>
    setSearch(
      (before) => {
        if (value === standard) before.delete(key);
        else before.set(key, value);
        return before;
      },
      { replace: true },
    );

  const nothingAtAll = !archived && pages.loaded && pages.trouble === null && rows.length === 0 && filter.trim() === '';
  return (
    <main className="page tall">
      <div className="head">
        <h1>
          <Link to="/" className="crumb">
            Projects
          </Link>
          <span className="faint"> / </span>
          {title}
        </h1>
        <span className="faint" data-testid="run-count">
          {pages.loaded && plural(pages.totalCount, 'run')}
        </span>
        <span className="grow" />
        <Link to={`/projects/${encodeURIComponent(name)}/traces`}>Traces</Link>
        <Link to={`/projects/${encodeURIComponent(name)}/models`}>Logged models</Link>
      </div>
      {nothingAtAll ? (
        <>
          <FirstRun project={name} />
          <p className="centered">
            <button
              type="button"
              className="button"
              data-testid="archived-runs"
              onClick={() => put('archived', '1', '')}
            >
              Archived runs
            </button>
          </p>
        </>
      ) : (
        <>
          <div className="toolbar">
            <FilterBox
              label="Search runs"
              example="metrics.loss < 0.3 and params.lr = '0.1' and attributes.status = 'RUNNING'"
              value={filter}
              trouble={pages.trouble}
              apply={(next) => put('filter', next, '')}
            />
            {fresh > 0 && !unfiltered && (
              <button type="button" className="button" onClick={refresh}>
                {plural(fresh, 'new run')}
              </button>
            )}
            <button
              type="button"
              className="button"
              aria-pressed={archived}
              data-testid="archived-runs"
              onClick={() => put('archived', archived ? '' : '1', '')}
            >
              Archived
            </button>
            {compared.size > 0 && (
              <>
                <Link className="button primary" to={compareAddress([...compared])} data-testid="compare">
                  Compare {plural(compared.size, 'run')}
                  {compared.size >= comparedMax && ' (as many as can be told apart)'}
                </Link>
                <button type="button" className="button" onClick={() => setCompared(new Set())}>
                  Choose none
                </button>
              </>
            )}
            <ColumnPicker metricKeys={metricKeys} paramKeys={paramKeys} columns={columns} choose={choose} />
          </div>
          {(!pages.loaded || (pages.trouble?.kind === 'unreachable' && rows.length === 0)) && (
            <Pending trouble={pages.trouble} what="runs" />
          )}
          {pages.loaded && pages.trouble === null && rows.length === 0 && (
            <Empty>{archived && filter.trim() === '' ? 'No archived runs.' : 'No run matches this search.'}</Empty>
          )}
          {rows.length > 0 && (
            <RunsTable
              rows={rows}
              columns={columns}
              now={now}
              orderBy={orderBy}
              order={(next) => put('orderBy', next, newestFirst)}
              loadMore={pages.loadMore}
              chosen={compared}
              choose={compare}
            />
          )}
          {rows.length > 0 && (
            <p className="faint small table-foot" role="status">
              {formatCount(rows.length)} of {formatCount(pages.totalCount)} loaded{pages.loading ? ' · loading…' : ''}
            </p>
          )}
        </>
      )}
    </main>
  );
}
