import { useState, type ReactElement } from 'react';
import {
  SettingsDocument,
  type ParamFragment,
  type RunHeadFragment,
  type SettingsQuery,
  type SummaryValueFragment,
} from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatCount, formatJson, formatNumber } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';

function Params(props: { title: string; params: readonly ParamFragment[]; testId: string }): ReactElement {
  return (
    <section className="card pairs" data-testid={props.testId}>
      <h2>
        {props.title} <span className="faint small">{props.params.length}</span>
      </h2>
      {props.params.length === 0 ? (
        <p className="faint">None match.</p>
      ) : (
        <table>
          <tbody>
            {props.params.map((param) => (
              <tr key={param.key}>
                <th scope="row" className="mono">
                  {param.key}
                </th>
                <td className="mono wrap">{formatJson(param.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function where(step: number | null, rank: number | null): string {
  return step === null ? '' : `step ${formatCount(step)}${rank === null ? '' : `, rank ${rank}`}`;
}

function Summary(props: { summary: readonly SummaryValueFragment[] }): ReactElement {
  return (
    <section className="card pairs" data-testid="summary">
      <h2>
        Metrics <span className="faint small">{props.summary.length}</span>
      </h2>
      <div className="table-card">
        <table>
          <thead>
            <tr>
              <th>Metric</th>
              <th className="num">Last</th>
              <th className="num">Min</th>
              <th className="num">Max</th>
              <th className="num">Points</th>
            </tr>
          </thead>
          <tbody>
            {props.summary.map((value) => (
              <tr key={value.key}>
                <th scope="row" className="mono">
                  {value.key}
                </th>
                <td className="num" title={where(value.lastStep, null)}>
                  {formatNumber(value.last)}
                </td>
                <td className="num" title={where(value.minStep, value.minRank)}>
                  {formatNumber(value.min)}
                </td>
                <td className="num" title={where(value.maxStep, value.maxRank)}>
                  {formatNumber(value.max)}
                </td>
                <td className="num dim">{formatCount(value.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type Settings = NonNullable<SettingsQuery['run']>;
function Body(props: { run: Settings }): ReactElement {
  const { run } = props;
  const [search, setSearch] = useState('');
  if (run.params.length + run.summary.length + run.summarySet.length === 0) {
    return (
      <Empty>
        No params and no metrics yet. Params are given to <code>runstream.init(config={'{"lr": 0.1}'})</code>, metrics
        to <code>run.log({'{"loss": 0.3}'})</code>.
      </Empty>
    );
  }
  const matches = (each: { key: string }): boolean => each.key.toLowerCase().includes(search.trim().toLowerCase());
  return (
    <section aria-label="Params and summary">
      <div className="toolbar">
        <input
          className="field search"
          type="search"
          placeholder="Search keys"
          aria-label="Search keys"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      <div className="halves">
        <div>
          <Params title="Params" params={run.params.filter(matches)} testId="params" />
          {run.summarySet.length > 0 && (
            <Params title="Set by hand" params={run.summarySet.filter(matches)} testId="summary-set" />
          )}
        </div>
        <Summary summary={run.summary.filter(matches)} />
      </div>
    </section>
  );
}

export function SettingsTab(props: { run: RunHeadFragment }): ReactElement {
  const live = props.run.status === 'RUNNING';
  const asked = useGraph(SettingsDocument, { id: props.run.id }, { everyMs: live ? 3000 : null });
  return (
    <Answered answer={asked.data?.run ?? undefined} trouble={asked.trouble} what="params and summary">
      {(run) => <Body run={run} />}
    </Answered>
  );
}
