import type { ReactElement } from 'react';
import { Link } from 'react-router';
import {
  formatAgo,
  formatCount,
  formatDateTime,
  formatDuration,
  formatJson,
  formatNumber,
  formatParam,
  nameOf,
} from '../format/format.js';
import { durationOf } from '../parts/run-duration.js';
import { RunStatusBadge } from '../parts/status.js';
import type { Column } from './columns.js';
import type { RunRow } from './use-runs-pages.js';

export const numeric = ({ kind, key }: Column): boolean =>
  kind === 'metrics' || (kind === 'attributes' && ['started_at', 'ended_at', 'duration', 'world_size'].includes(key));

const nothing = <span className="faint">–</span>;

function Attribute({ run, name, now }: { run: RunRow; name: string; now: number }): ReactElement {
  const text = (value: string | null): ReactElement =>
    value === null || value === '' ? nothing : <span title={value}>{value}</span>;
  const time = (at: number | null): ReactElement =>
    at === null ? nothing : <span title={formatDateTime(at)}>{formatAgo(at, now)}</span>;
  switch (name) {
    case 'status':
      return <RunStatusBadge status={run.status} reason={run.statusReason} />;
    case 'name':
      return (
        <Link to={`/runs/${encodeURIComponent(run.id)}`} title={nameOf(run)}>
          {nameOf(run)}
        </Link>
      );
    case 'user':
      return text(run.user);
    case 'group':
      return text(run.group);
    case 'job_type':
      return text(run.jobType);
    case 'labels':
      return text(run.labels.join(', '));
    case 'id':
      return <code title={run.id}>{run.id}</code>;
    case 'world_size':
      return run.worldSize === 0 ? nothing : <>{formatCount(run.worldSize)}</>;
    case 'started_at':
      return time(run.startedAt);
    case 'ended_at':
      return time(run.endedAt);
    default:
      return <>{formatDuration(durationOf(run, now))}</>;
  }
}

/** What a run has in a column. `metric`: its summary of the column's metric, if that is one. */
export function RunCell(props: {
  run: RunRow;
  column: Column;
  metric: RunRow['m0'] | undefined;
  now: number;
}): ReactElement {
  const { run, column, metric } = props;
  switch (column.kind) {
    case 'attributes':
      return <Attribute run={run} name={column.key} now={props.now} />;
    case 'metrics': {
      const value = metric?.[column.stat];
      if (metric === null || metric === undefined || value === null || value === undefined) return nothing;
      return <span title={`step ${metric.lastStep ?? '–'}`}>{formatNumber(value)}</span>;
    }
    case 'params': {
      const param = run.params?.find((each) => each.key === column.key);
      return param === undefined ? nothing : <span title={formatJson(param.value)}>{formatParam(param.value)}</span>;
    }
    case 'tags': {
      const tag = run.tags?.find((each) => each.key === column.key);
      return tag === undefined ? nothing : <span title={tag.value}>{tag.value}</span>;
    }
  }
}
