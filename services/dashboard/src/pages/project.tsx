import { useEffect, useMemo, type ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { useNow } from '../data/clock.js';
import { ProjectTitleDocument } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { useRunChanges } from '../data/use-run-changes.js';
import { formatCount, plural } from '../format/format.js';
import { FirstRun } from '../parts/first-run.js';
import { Pending } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { ChosenBar } from './chosen-bar.js';
import { ColumnPicker } from './column-picker.js';
import { FilterBox } from './filter-box.js';
import { GroupPicker } from './group-picker.js';
import { GroupTable } from './group-table.js';
import { matchingMax, matchingRuns } from './matching-runs.js';
import { runsCsv, saveText } from './runs-csv.js';
import { RunsTable } from './runs-table.js';
import { useChosen } from './use-chosen.js';
import { useRunCount } from './use-run-count.js';
import { useRunKeys } from './use-run-keys.js';
import { useRunsPages } from './use-runs-pages.js';
import { newestFirst, useView } from './use-view.js';

const none: readonly string[] = [];
const keysForDefaults = 40;

export function ProjectPage(): ReactElement {
  const name = useParams()['name'] ?? '';
  const now = useNow();
  const title = useGraph(ProjectTitleDocument, { name }).data?.project?.title ?? name;
  const metricChoices = useRunKeys(name, 'METRICS', '', keysForDefaults);
  const paramChoices = useRunKeys(name, 'PARAMS', '', keysForDefaults);
  const [view, change] = useView(name, metricChoices ?? none, paramChoices ?? none);
  const { filter, orderBy, archived, columns } = view;
  const metricKeys = useMemo(
    () => [...new Set(columns.filter(({ kind }) => kind === 'metrics').map(({ key }) => key))],
    [columns],
  );
  const pages = useRunsPages({
    project: name,
    filter,
    orderBy,
    metricKeys,
    withParams: columns.some(({ kind }) => kind === 'params'),
    withTags: columns.some(({ kind }) => kind === 'tags'),
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

  const { chosen, choose, chooseAll, clear } = useChosen(`${name} ${archived}`, rows);
  const count = useRunCount(name, filter, archived, pages.totalCount);

  const chooseMatching = async (): Promise<string | null> => {
    const found = await matchingRuns(name, filter, archived);
    if (typeof found === 'string') return found;
    chooseAll(found, true);
    return found.length < matchingMax ? null : `The newest ${formatCount(matchingMax)} are chosen.`;
  };

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
          {pages.loaded && count}
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
              onClick={() => change({ archived: true })}
            >
              Archived runs
            </button>
          </p>
        </>
      ) : (
        <>
          <div className="toolbar">
            <FilterBox
              key={name}
              project={name}
              label="Search runs"
              example="metrics.loss < 0.3 and params.lr = '0.1' and attributes.status = 'RUNNING'"
              value={filter}
              trouble={pages.trouble}
              apply={(next) => change({ filter: next })}
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
              onClick={() => change({ archived: !archived })}
            >
              Archived
            </button>
            <GroupPicker project={name} groups={view.groups} choose={(groups) => change({ groups })} />
            <ColumnPicker project={name} columns={columns} choose={(next) => change({ columns: next })} />
          </div>
          <ChosenBar
            chosen={chosen}
            archived={archived}
            others={pages.totalCount > chosen.size && rows.every(({ id }) => chosen.has(id)) ? count : null}
            chooseMatching={chooseMatching}
            clear={clear}
            changed={refresh}
          />
          {(!pages.loaded || (pages.trouble?.kind === 'unreachable' && rows.length === 0)) && (
            <Pending trouble={pages.trouble} what="runs" />
          )}
          {pages.loaded && pages.trouble === null && rows.length === 0 && (
            <Empty>{archived && filter.trim() === '' ? 'No archived runs.' : 'No run matches this search.'}</Empty>
          )}
          {rows.length > 0 && view.groups.length > 0 && (
            <GroupTable
              project={name}
              filter={filter}
              archived={archived}
              groups={view.groups}
              metricKeys={metricKeys}
              now={now}
              list={(next) => change({ filter: next, groups: [] })}
            />
          )}
          {rows.length > 0 && view.groups.length === 0 && (
            <RunsTable
              rows={rows}
              columns={columns}
              metricKeys={metricKeys}
              now={now}
              orderBy={orderBy}
              order={(next) => change({ orderBy: next })}
              arrange={(next) => change({ columns: next })}
              loadMore={pages.loadMore}
              chosen={chosen}
              choose={choose}
              chooseAll={(on) =>
                chooseAll(
                  rows.map(({ id }) => id),
                  on,
                )
              }
            />
          )}
          {rows.length > 0 && view.groups.length === 0 && (
            <p className="faint small table-foot" role="status">
              {formatCount(rows.length)} loaded of {count}
              {pages.loading ? ' · loading…' : ''}
              {' · '}
              <button
                type="button"
                className="as-link"
                data-testid="csv"
                onClick={() => saveText(`${name}.csv`, runsCsv(rows, columns, metricKeys), 'text/csv')}
              >
                Save these as CSV
              </button>
            </p>
          )}
        </>
      )}
    </main>
  );
}
