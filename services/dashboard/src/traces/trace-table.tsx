import { useState, type ReactElement } from 'react';
import { Link } from 'react-router';
import { useNow } from '../data/clock.js';
import { TracesDocument, type TraceRowFragment, type TraceStatus } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatAgo, formatDateTime, formatDuration } from '../format/format.js';
import { FilterBox } from '../pages/filter-box.js';
import { Pending } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';

const tones: Record<TraceStatus, string> = { OK: 'ok', ERROR: 'bad', IN_PROGRESS: 'live', UNSET: 'idle' };
const words: Record<TraceStatus, string> = { OK: 'OK', ERROR: 'Error', IN_PROGRESS: 'In progress', UNSET: 'Unset' };

export function TraceBadge(props: { status: TraceStatus }): ReactElement {
  return (
    <span className={`badge ${tones[props.status]}`} data-status={props.status}>
      <i aria-hidden="true" />
      {words[props.status]}
    </span>
  );
}

export const tracePath = ({ id, world }: Pick<TraceRowFragment, 'id' | 'world'>): string =>
  `/traces/${encodeURIComponent(id)}${world === '' ? '' : `?world=${encodeURIComponent(world)}`}`;

interface Scope {
  project: string | null;
  run: string | null;
  filter: string | null;
  everyMs: number | null;
}

/** One page of rows, and the next one once somebody asks for it. */
function Rows(props: Scope & { after: string | null }): ReactElement {
  const { project, run, filter, after } = props;
  const now = useNow();
  const [more, setMore] = useState(false);
  const everyMs = after === null ? props.everyMs : null;
  const { data, trouble } = useGraph(TracesDocument, { project, run, filter, after }, { everyMs });
  const page = data?.traces;
  if (page === undefined || (trouble?.kind === 'refused' && after === null))
    return (
      <tr aria-hidden="true">
        <td colSpan={6}>
          <Pending trouble={trouble} what="traces" />
        </td>
      </tr>
    );
  if (page.nodes.length === 0)
    return (
      <tr aria-hidden="true">
        <td colSpan={6}>
          <Empty>
            {filter === null ? (
              <>
                No traces. Those of MLflow’s client (<code>@mlflow.trace</code>) and of any OpenTelemetry exporter are
                shown here.
              </>
            ) : (
              'No trace matches this search.'
            )}
          </Empty>
        </td>
      </tr>
    );
  return (
    <>
      {page.nodes.map((trace) => (
        <tr key={trace.id} data-testid={`trace-row-${trace.id}`}>
          <td className="nowrap dim" title={formatDateTime(trace.startedAt)}>
            {formatAgo(trace.startedAt, now)}
          </td>
          <td className="clip main-cell">
            <Link to={tracePath(trace)}>{trace.name ?? trace.id}</Link>
          </td>
          <td>
            <TraceBadge status={trace.status} />
          </td>
          <td className="num nowrap">{trace.durationMs === null ? '–' : formatMs(trace.durationMs)}</td>
          <td className="clip mono dim phone-off" title={trace.requestPreview ?? undefined}>
            {trace.requestPreview}
          </td>
          <td className="clip mono dim phone-off" title={trace.responsePreview ?? undefined}>
            {trace.responsePreview}
          </td>
        </tr>
      ))}
      {page.pageInfo.hasNextPage &&
        (more ? (
          <Rows {...props} after={page.pageInfo.endCursor} />
        ) : (
          <tr aria-hidden="true">
            <td colSpan={6}>
              <button type="button" className="button quiet" onClick={() => setMore(true)}>
                Older traces
              </button>
            </td>
          </tr>
        ))}
    </>
  );
}

export const formatMs = (ms: number): string =>
  ms < 1
    ? `${(ms * 1_000).toFixed(0)} µs`
    : ms < 1_000
      ? `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`
      : formatDuration(ms);

export function TraceTable(props: { project: string | null; run: string | null; live: boolean }): ReactElement {
  const [filter, setFilter] = useState('');
  const wanted = filter.trim() === '' ? null : filter;
  return (
    <section aria-label="Traces">
      <div className="toolbar">
        <FilterBox
          label="Search traces"
          example="status = 'ERROR' and execution_time_ms > 500 and span.name LIKE '%ask%'"
          value={filter}
          trouble={null}
          apply={setFilter}
        />
      </div>
      <div className="card table-card">
        <table className="fixed traces" data-testid="traces">
          <thead>
            <tr>
              <th className="when">Time</th>
              <th>Name</th>
              <th className="state">Status</th>
              <th className="num state">Duration</th>
              <th className="phone-off">Request</th>
              <th className="phone-off">Response</th>
            </tr>
          </thead>
          <tbody>
            <Rows
              key={wanted}
              project={props.project}
              run={props.run}
              filter={wanted}
              after={null}
              everyMs={props.live ? 5_000 : null}
            />
          </tbody>
        </table>
      </div>
    </section>
  );
}
