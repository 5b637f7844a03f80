import { useEffect, useState, type ReactElement } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import {
  TraceDocument,
  type ParamFragment,
  type SpanFragment,
  type TagFragment,
  type TraceFragment,
} from '../generated/questions.js';
import type { Json } from '../data/scalars.js';
import { useGraph } from '../data/use-graph.js';
import { formatCount, formatDateTime, formatParam, plural } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { spanMs, spanRows } from './span-tree.js';
import { formatMs, TraceBadge } from './trace-table.js';

const spansMax = 1_000;
const shown = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

function Block(props: { title: string; value: Json; testId?: string; bad?: boolean }): ReactElement | null {
  if (props.value === null) return null;
  return (
    <>
      <h3>{props.title}</h3>
      <pre className={props.bad === true ? 'span-value bad' : 'span-value'} data-testid={props.testId} tabIndex={0}>
        {shown(props.value)}
      </pre>
    </>
  );
}

function Pairs(props: { title: string; pairs: readonly (ParamFragment | TagFragment)[] }): ReactElement | null {
  if (props.pairs.length === 0) return null;
  return (
    <>
      <h3>{props.title}</h3>
      <dl className="definition wide">
        {props.pairs.map(({ key, value }) => (
          <div key={key} className="pair">
            <dt>{key}</dt>
            <dd className="mono wrap">{formatParam(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const shownElsewhere = new Set(['mlflow.spanInputs', 'mlflow.spanOutputs', 'mlflow.spanType', 'mlflow.traceRequestId']);

function SpanDetail(props: { span: SpanFragment }): ReactElement {
  const { span } = props;
  const text = (pairs: readonly ParamFragment[], key: string): Json =>
    pairs.find((pair) => pair.key === key)?.value ?? null;
  return (
    <section className="card span-detail" aria-label="Span" data-testid="span-detail">
      <h2>
        {span.name} <TraceBadge status={span.status} />
      </h2>
      <p className="dim small">
        {span.type !== null && span.type !== 'UNKNOWN' && `${span.type} · `}
        {span.durationMs === null ? 'not ended' : formatMs(span.durationMs)} · begun after {formatMs(span.offsetMs)}
      </p>
      {span.statusMessage !== null && <p className="bad-text">{span.statusMessage}</p>}
      {span.events.map((event, index) =>
        event.name === 'exception' ? (
          <Block
            key={index}
            title={`Exception: ${formatParam(text(event.attributes, 'exception.type'))}`}
            value={text(event.attributes, 'exception.stacktrace') ?? text(event.attributes, 'exception.message')}
            testId="exception"
            bad
          />
        ) : (
          <Pairs key={index} title={event.name} pairs={event.attributes} />
        ),
      )}
      <Block title="Inputs" value={span.inputs} testId="span-inputs" />
      <Block title="Outputs" value={span.outputs} testId="span-outputs" />
      <Pairs title="Attributes" pairs={span.attributes.filter(({ key }) => !shownElsewhere.has(key))} />
    </section>
  );
}

function Waterfall(props: {
  spans: readonly SpanFragment[];
  chosen: string;
  choose: (id: string) => void;
}): ReactElement {
  const whole = spanMs(props.spans);
  return (
    <ul className="card waterfall" data-testid="waterfall" aria-label="Spans">
      {spanRows(props.spans).map(({ span, depth }) => (
        <li key={span.id}>
          <button
            type="button"
            className={`span-row ${span.status === 'ERROR' ? 'failed' : ''}`}
            aria-pressed={span.id === props.chosen}
            onClick={() => props.choose(span.id)}
          >
            <span className="span-name clip" style={{ paddingLeft: `${Math.min(depth, 12) * 14}px` }}>
              {span.name}
              {span.type !== null && span.type !== 'UNKNOWN' && <span className="faint small"> {span.type}</span>}
            </span>
            <span className="span-lane" aria-hidden="true">
              <i
                style={{
                  left: `${(Math.max(0, span.offsetMs) / whole) * 100}%`,
                  width: `${Math.max(0.4, ((span.durationMs ?? 0) / whole) * 100)}%`,
                }}
              />
            </span>
            <span className="num dim small">{span.durationMs === null ? '…' : formatMs(span.durationMs)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Said(props: { trace: TraceFragment }): ReactElement | null {
  const { assessments } = props.trace;
  if (assessments.length === 0) return null;
  return (
    <section className="card pairs" aria-label="Assessments">
      <h2>Assessments</h2>
      <ul className="plain-list" data-testid="assessments">
        {assessments.map((each) => (
          <li key={each.id} className={each.valid ? undefined : 'faint'}>
            <strong>{each.name}</strong> {each.error ?? formatParam(each.value)}{' '}
            <span className="dim small">
              {[each.kind.toLowerCase(), each.sourceId, each.rationale, each.valid ? null : 'overridden']
                .filter((word) => word !== null && word !== '')
                .join(' · ')}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Body(props: { trace: TraceFragment }): ReactElement {
  const { trace } = props;
  const [chosen, setChosen] = useState<string | null>(null);
  const span = trace.spans.find(({ id }) => id === chosen) ?? trace.spans[0];
  const tokens = trace.tokenUsage?.total ?? null;
  return (
    <>
      <p className="dim">
        {formatDateTime(trace.startedAt)} · {plural(trace.spanCount, 'span')}
        {tokens !== null && ` · ${formatCount(tokens)} tokens`}
        {trace.runs.map(({ id, name }) => (
          <span key={id}>
            {' · '}run <Link to={`/runs/${encodeURIComponent(id)}`}>{name}</Link>
          </span>
        ))}
      </p>
      {span === undefined ? (
        <Empty>Its spans have not arrived: only what its client said of it is known.</Empty>
      ) : (
        <div className="trace-body">
          <Waterfall spans={trace.spans} chosen={span.id} choose={setChosen} />
          <SpanDetail key={span.id} span={span} />
        </div>
      )}
      {trace.spanCount > spansMax && <p className="faint small">The first {formatCount(spansMax)} spans are shown.</p>}
      <Said trace={trace} />
      <section className="card pairs" aria-label="Tags">
        <Pairs title="Tags" pairs={trace.tags} />
        <Pairs title="Metadata" pairs={trace.metadata} />
      </section>
    </>
  );
}

export function TracePage(): ReactElement {
  const id = useParams()['id'] ?? '';
  const world = useSearchParams()[0].get('world') ?? '';
  const asked = useGraph(TraceDocument, { id, world, spansMax });
  const trace = asked.data?.trace;
  const title = trace?.name ?? id;
  useEffect(() => {
    document.title = `${title} · Traces · Runstream`;
  }, [title]);
  return (
    <main className="page">
      <div className="head">
        <h1>
          {trace ? (
            <Link to={`/projects/${encodeURIComponent(trace.project)}/traces`} className="crumb">
              Traces
            </Link>
          ) : (
            'Traces'
          )}
          <span className="faint"> / </span>
          {title}
        </h1>
        {trace && <TraceBadge status={trace.status} />}
        {trace && trace.durationMs !== null && <span className="faint">{formatMs(trace.durationMs)}</span>}
      </div>
      <Answered
        answer={trace}
        trouble={asked.trouble}
        what="the trace"
        none={
          <>
            There is no trace <code>{id}</code>.
          </>
        }
      >
        {(found) => <Body trace={found} />}
      </Answered>
    </main>
  );
}
