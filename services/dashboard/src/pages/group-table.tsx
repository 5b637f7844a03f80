import { useMemo, useState, type ReactElement } from 'react';
import { Link } from 'react-router';
import { perKey, ofKey } from '../data/per-key.js';
import { useGraph } from '../data/use-graph.js';
import type { Float64 } from '../data/scalars.js';
import { RunGroupsDocument, RunsOfGroupDocument, type RunGroupsQuery } from '../generated/questions.js';
import { formatAgo, formatCount, formatNumber, nameOf, plural } from '../format/format.js';
import { Pending } from '../parts/answered.js';
import { RunStatusBadge } from '../parts/status.js';
import { fieldTitle } from './group-picker.js';

interface Scope {
  project: string;
  filter: string;
  archived: boolean;
}
interface Props extends Scope {
  groups: readonly string[];
  metricKeys: readonly string[];
  now: number;
  /** Lists the runs of this filter in the table, without groups. */
  list: (filter: string) => void;
}
interface Sorting {
  /** -1: by how many runs, -2: by the value of the group, else by the mean of that metric. */
  by: number;
  descending: boolean;
}
type Group = RunGroupsQuery['runGroups']['nodes'][number];

const groupsShown = 200;
const refreshMs = 10_000;
const [byCount, byValue] = [-1, -2];

const inOrder = new Intl.Collator('en', { numeric: true });
function sorted(groups: readonly Group[], { by, descending }: Sorting, keys: readonly string[]): Group[] {
  const number = (group: Group): number =>
    by === byCount ? group.count : Number(group.metrics.find(({ key }) => key === keys[by])?.mean ?? NaN);
  const compare = (a: Group, b: Group): number => {
    if (by === byValue) return inOrder.compare(a.values[0] ?? '\uffff', b.values[0] ?? '\uffff');
    return number(a) - number(b);
  };
  const missing = (group: Group): number => (by >= 0 && Number.isNaN(number(group)) ? 1 : 0);
  return [...groups].sort((a, b) => missing(a) - missing(b) || (descending ? -1 : 1) * compare(a, b));
}

/** A deviation tells nothing beyond three digits. */
const rounded = (value: Float64): Float64 => (typeof value === 'number' ? Number(value.toPrecision(3)) : value);

function MetricCell({ group, metric }: { group: Group; metric: string }): ReactElement {
  const found = group.metrics.find(({ key }) => key === metric);
  if (found === undefined || found.mean === null) return <td className="num faint">–</td>;
  return (
    <td className="num nowrap" title={`${formatCount(found.count)} of ${plural(group.count, 'run')} have a number`}>
      <div>
        {formatNumber(found.mean)}
        {found.std !== null && <span className="dim"> ± {formatNumber(rounded(found.std))}</span>}
      </div>
      {found.min !== null && found.max !== null && found.count > 1 && (
        <div className="faint small">
          {formatNumber(found.min)} … {formatNumber(found.max)}
        </div>
      )}
    </td>
  );
}

function Runs(props: Props & { depth: number; count: number }): ReactElement {
  const { project, filter, archived, metricKeys } = props;
  const question = useMemo(() => perKey(RunsOfGroupDocument, 'm', metricKeys), [metricKeys]);
  const orderBy = 'attributes.started_at desc';
  const asked = useGraph(question, { project, filter, archived, orderBy }, { everyMs: refreshMs });
  const page = asked.data?.runs;
  const columns = metricKeys.length + 2;
  if (page === undefined)
    return (
      <tr>
        <td colSpan={columns}>
          <Pending trouble={asked.trouble} what="runs" />
        </td>
      </tr>
    );
  return (
    <>
      {page.nodes.map((run) => (
        <tr key={run.id} data-testid={`run-row-${run.id}`}>
          <td className="clip">
            <span className="indent" style={{ width: 22 * (props.depth + 1) }} />
            <RunStatusBadge status={run.status} reason={run.statusReason} />{' '}
            <Link to={`/runs/${encodeURIComponent(run.id)}`} title={nameOf(run)}>
              {nameOf(run)}
            </Link>
          </td>
          <td className="num dim nowrap">{formatAgo(run.startedAt, props.now)}</td>
          {metricKeys.map((key, at) => {
            const value = ofKey(run, 'm', at)?.last;
            return (
              <td key={key} className="num">
                {value === undefined || value === null ? <span className="faint">–</span> : formatNumber(value)}
              </td>
            );
          })}
        </tr>
      ))}
      {props.count > page.nodes.length && (
        <tr>
          <td colSpan={columns}>
            <span className="indent" style={{ width: 22 * (props.depth + 1) }} />
            <button type="button" className="button small" onClick={() => props.list(filter)}>
              List all {plural(props.count, 'run')}
            </button>
          </td>
        </tr>
      )}
    </>
  );
}

function Level(props: Props & { depth: number; sorting: Sorting }): ReactElement {
  const { project, filter, archived, groups, metricKeys, depth } = props;
  const field = groups[depth]!;
  const asked = useGraph(
    RunGroupsDocument,
    {
      project,
      filter: filter.trim() === '' ? null : filter,
      archived,
      by: [field],
      metrics: [...metricKeys],
      first: groupsShown,
    },
    { everyMs: refreshMs },
  );
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const found = asked.data?.runGroups;
  const rows = useMemo(() => sorted(found?.nodes ?? [], props.sorting, metricKeys), [found, props.sorting, metricKeys]);
  const columns = metricKeys.length + 2;
  if (found === undefined)
    return (
      <tr>
        <td colSpan={columns}>
          <Pending trouble={asked.trouble} what="groups" />
        </td>
      </tr>
    );
  return (
    <>
      {rows.map((group) => {
        const [value] = group.values;
        const id = JSON.stringify(value);
        const inside = group.filter;
        const opened = open.has(id);
        const toggle = (): void =>
          setOpen((before) => {
            const after = new Set(before);
            if (!after.delete(id)) after.add(id);
            return after;
          });
        const inner = inside === null || !opened ? null : { ...props, filter: inside, depth: depth + 1 };
        return [
          <tr key={id} className="group-row" data-testid={`group-${value ?? ''}`}>
            <th scope="row" className="clip">
              <span className="indent" style={{ width: 22 * depth }} />
              <button
                type="button"
                className="sort clip"
                aria-expanded={opened}
                disabled={inside === null}
                onClick={toggle}
              >
                <span aria-hidden="true">{opened ? '▾' : '▸'}</span> <span className="faint">{fieldTitle(field)}</span>{' '}
                {value === null || value === undefined ? <i>none</i> : <span title={value}>{value}</span>}
              </button>
            </th>
            <td className="num">{formatCount(group.count)}</td>
            {metricKeys.map((key) => (
              <MetricCell key={key} group={group} metric={key} />
            ))}
          </tr>,
          inner !== null &&
            (inner.depth < groups.length ? (
              <Level key={`${id} inside`} {...inner} />
            ) : (
              <Runs key={`${id} inside`} {...inner} depth={depth} count={group.count} />
            )),
        ];
      })}
      {found.groupCount > rows.length && (
        <tr>
          <td colSpan={columns} className="faint small">
            <span className="indent" style={{ width: 22 * depth }} />
            The {formatCount(rows.length)} largest of {formatCount(found.groupCount)} groups.
          </td>
        </tr>
      )}
    </>
  );
}

/** All runs that match, counted and summed up by the server; a group opens to those within it, the innermost to its runs. */
export function GroupTable(props: Props): ReactElement {
  const { groups, metricKeys } = props;
  const [sorting, setSorting] = useState<Sorting>({ by: byCount, descending: true });
  const head = (words: string, by: number, numeric: boolean): ReactElement => (
    <th
      key={by}
      className={numeric ? 'num' : ''}
      aria-sort={sorting.by === by ? (sorting.descending ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        className="sort clip"
        title={words}
        onClick={() => setSorting({ by, descending: sorting.by === by && !sorting.descending })}
      >
        {words}
        <span aria-hidden="true">{sorting.by === by ? (sorting.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
  return (
    <div className="card table-card scroller" tabIndex={0} role="region" aria-label="Groups of runs">
      <table className="fixed grouped" style={{ minWidth: 420 + 150 * metricKeys.length }} data-testid="groups">
        <colgroup>
          <col />
          <col style={{ width: 110 }} />
          {metricKeys.map((key) => (
            <col key={key} style={{ width: 180 }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {head(groups.map(fieldTitle).join(' / '), byValue, false)}
            {head('Runs', byCount, true)}
            {metricKeys.map((key, at) => head(key, at, true))}
          </tr>
        </thead>
        <tbody>
          <Level key={groups.join(' ')} {...props} depth={0} sorting={sorting} />
        </tbody>
      </table>
    </div>
  );
}
