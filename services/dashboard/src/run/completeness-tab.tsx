import type { ReactElement } from 'react';
import { CompletenessDocument, type CompletenessFragment, type RunHeadFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatCount } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { completenessSentence } from './completeness-words.js';

function Body(props: { completeness: CompletenessFragment }): ReactElement {
  const { completeness } = props;
  const { tone, text } = completenessSentence(completeness);
  const numbers: [string, number][] = [
    ['Writers', completeness.writers],
    ['Finished', completeness.writersFinished],
    ['Batches received', completeness.batchesReceived],
    ['Batches missing', completeness.batchesMissing],
  ];
  return (
    <section aria-label="Completeness" className="completeness">
      <p className={`verdict ${tone}`} data-testid="completeness" data-complete={completeness.complete} role="status">
        <i aria-hidden="true" />
        {text}
      </p>
      <dl className="numbers">
        {numbers.map(([name, value]) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd>{formatCount(value)}</dd>
          </div>
        ))}
      </dl>
      {completeness.gaps.length > 0 && (
        <>
          <h2 className="section-title">What is missing</h2>
          <div className="card table-card">
            <table data-testid="gaps">
              <thead>
                <tr>
                  <th className="num">Rank</th>
                  <th className="num">Attempt</th>
                  <th>Writer</th>
                  <th>Topic</th>
                  <th className="num">Batches</th>
                </tr>
              </thead>
              <tbody>
                {completeness.gaps.map((gap) => (
                  <tr key={`${gap.writer}/${gap.topic}/${gap.fromSeq}`}>
                    <td className="num">{gap.rank}</td>
                    <td className="num">{gap.attempt}</td>
                    <td className="mono">{gap.writer}</td>
                    <td className="dim">{gap.topic}</td>
                    <td className="num">
                      {gap.fromSeq === gap.toSeq
                        ? formatCount(gap.fromSeq)
                        : `${formatCount(gap.fromSeq)} – ${formatCount(gap.toSeq)}`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <p className="faint small">
        Every training process numbers its batches. What stands here is what those numbers prove; a gap closes by itself
        when the sender delivers what it still holds.
      </p>
    </section>
  );
}

export function CompletenessTab(props: { run: RunHeadFragment }): ReactElement {
  const settled = props.run.endedAt !== null;
  const asked = useGraph(CompletenessDocument, { id: props.run.id }, { everyMs: settled ? 10_000 : 2000 });
  return (
    <Answered answer={asked.data?.run?.completeness} trouble={asked.trouble} what="completeness">
      {(completeness) => <Body completeness={completeness} />}
    </Answered>
  );
}
