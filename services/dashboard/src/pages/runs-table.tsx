import { useRef, type ReactElement } from 'react';
import { Link } from 'react-router';
import { ofKey } from '../data/per-key.js';
import {
  formatAgo,
  formatDateTime,
  formatDuration,
  formatJson,
  formatNumber,
  formatParam,
  nameOf,
} from '../format/format.js';
import { durationOf } from '../parts/run-duration.js';
import { RunStatusBadge } from '../parts/status.js';
import { VirtualRows } from '../parts/virtual-rows.js';
import type { Columns } from './columns.js';
import type { RunRow } from './use-runs-pages.js';

interface Props {
  rows: readonly RunRow[];
  columns: Columns;
  now: number;
  orderBy: string;
  order: (orderBy: string) => void;
  loadMore: () => void;
  /** Runs chosen to be compared. */
  chosen: ReadonlySet<string>;
  choose: (id: string, chosen: boolean) => void;
}

interface Head {
  title: string;
  by: string | null;
  width: number;
  numeric?: boolean;
  mono?: boolean;
}

const chooserWidth = 36;

/** A key as the search language writes it: quoted unless it is a plain name. */
export function quotedKey(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : `\`${key}\``;
}

export function nextOrder(current: string, by: string): string {
  const name = current.replace(/ (asc|desc)$/, '');
  const first = by.startsWith('attributes.started_at') ? 'desc' : 'asc';
  if (name !== by) return `${by} ${first}`;
  return current.endsWith(' desc') ? `${by} asc` : `${by} desc`;
}

function heads(columns: Columns): Head[] {
  return [
    { title: 'Status', by: 'attributes.status', width: 104 },
    { title: 'Name', by: 'attributes.name', width: 220 },
    { title: 'User', by: 'attributes.user', width: 96 },
    { title: 'Started', by: 'attributes.started_at', width: 104, numeric: true },
    { title: 'Duration', by: 'attributes.duration', width: 92, numeric: true },
    ...columns.metrics.map((key) => ({
      title: key,
      by: `metrics.${quotedKey(key)}`,
      width: 116,
      numeric: true,
      mono: true,
    })),
    ...columns.params.map((key) => ({ title: key, by: `params.${quotedKey(key)}`, width: 116, mono: true })),
  ];
}

function HeadCell(props: { head: Head; orderBy: string; order: (orderBy: string) => void }): ReactElement {
  const { head, orderBy } = props;
  const by = head.by;
  const active = by !== null && orderBy.replace(/ (asc|desc)$/, '') === by;
  const descending = orderBy.endsWith(' desc');
  return (
    <th
      className={head.numeric === true ? 'num' : ''}
      aria-sort={active ? (descending ? 'descending' : 'ascending') : undefined}
    >
      {by === null ? (
        head.title
      ) : (
        <button
          type="button"
          className="sort clip"
          title={head.title}
          onClick={() => props.order(nextOrder(orderBy, by))}
        >
          <span className={head.mono === true ? 'mono' : ''}>{head.title}</span>
          <span aria-hidden="true">{active ? (descending ? ' ↓' : ' ↑') : ''}</span>
        </button>
      )}
    </th>
  );
}

interface RowProps {
  run: RunRow;
  columns: Columns;
  now: number;
  chosen: boolean;
  choose: Props['choose'];
}

function Row(props: RowProps): ReactElement {
  const { run, columns, now } = props;
  const durationMs = durationOf(run, now);
  return (
    <tr data-testid={`run-row-${run.id}`} aria-selected={props.chosen}>
      <td className="chooser">
        <input
          type="checkbox"
          aria-label={`Choose ${nameOf(run)}`}
          checked={props.chosen}
          onChange={(event) => props.choose(run.id, event.target.checked)}
        />
      </td>
      <td>
        <RunStatusBadge status={run.status} reason={run.statusReason} />
      </td>
      <td className="clip main-cell">
        <Link to={`/runs/${encodeURIComponent(run.id)}`} title={nameOf(run)}>
          {nameOf(run)}
        </Link>
      </td>
      <td className="clip dim">{run.user ?? '–'}</td>
      <td className="num dim nowrap" title={formatDateTime(run.startedAt)}>
        {formatAgo(run.startedAt, now)}
      </td>
      <td className="num nowrap">{formatDuration(durationMs)}</td>
      {columns.metrics.map((key, i) => {
        const metric = ofKey(run, 'm', i);
        return (
          <td
            key={`m${key}`}
            className="num"
            title={metric === null || metric === undefined ? '' : `step ${metric.lastStep ?? '–'}`}
          >
            {metric === null || metric === undefined ? <span className="faint">–</span> : formatNumber(metric.last)}
          </td>
        );
      })}
      {columns.params.map((key) => {
        const param = run.params?.find((each) => each.key === key);
        return (
          <td key={`p${key}`} className="clip mono" title={param === undefined ? undefined : formatJson(param.value)}>
            {param === undefined ? <span className="faint">–</span> : formatParam(param.value)}
          </td>
        );
      })}
    </tr>
  );
}

export function RunsTable(props: Props): ReactElement {
  const scroller = useRef<HTMLDivElement>(null);
  const all = heads(props.columns);
  return (
    <div className="card table-card scroller" ref={scroller} tabIndex={0} role="region" aria-label="Runs">
      <table
        className="fixed"
        style={{ minWidth: all.reduce((sum, head) => sum + head.width, chooserWidth) }}
        data-testid="runs"
      >
        <colgroup>
          <col style={{ width: chooserWidth }} />
          {all.map((head, i) => (
            <col
              key={i}
              style={head.title === 'Name' ? { minWidth: head.width, width: 'auto' } : { width: head.width }}
            />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th>
              <span className="unseen">Chosen</span>
            </th>
            {all.map((head, i) => (
              <HeadCell key={i} head={head} orderBy={props.orderBy} order={props.order} />
            ))}
          </tr>
        </thead>
        <VirtualRows
          rows={props.rows}
          rowHeight={33}
          columns={all.length + 1}
          scroller={scroller}
          onNearEnd={props.loadMore}
          row={(run) => (
            <Row
              key={run.id}
              run={run}
              columns={props.columns}
              now={props.now}
              chosen={props.chosen.has(run.id)}
              choose={props.choose}
            />
          )}
        />
      </table>
    </div>
  );
}
