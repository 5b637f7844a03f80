import { useRef, useState, type ReactElement } from 'react';
import { useGraph } from '../data/use-graph.js';
import { formatCount, plural } from '../format/format.js';
import { MediaAtDocument, type MediaKeysQuery } from '../generated/questions.js';
import { Answered } from '../parts/answered.js';
import { useVisible } from '../charts/use-visible.js';
import { HistogramView } from './histogram-view.js';
import { MediaValue } from './media-value.js';

export type KeyOfMedia = NonNullable<MediaKeysQuery['run']>['mediaKeys'][number];

/** Values of one step that are shown at once; histograms that are shown over their steps. */
const [shownMax, overMax] = [64, 200];

/** All that was logged under one key: a step is chosen, what ranks logged there lies side by side. */
export function MediaCard(props: { run: string; of: KeyOfMedia }): ReactElement {
  const { key, kind, steps, ranks, stepCount } = props.of;
  const [chosen, setChosen] = useState<number | null>(null);
  const [rank, setRank] = useState<number | null>(kind === 'histogram' ? (ranks[0] ?? 0) : null);
  const card = useRef<HTMLElement>(null);
  const visible = useVisible(card);
  // the newest one, until somebody chooses
  const at = chosen === null || !steps.includes(chosen) ? steps.length - 1 : steps.indexOf(chosen);
  const step = steps[at] ?? 0;
  const over = kind === 'histogram';
  const first = steps[Math.max(0, steps.length - overMax)] ?? 0;
  const asked = useGraph(
    MediaAtDocument,
    {
      id: props.run,
      key,
      ranks: rank === null ? null : [rank],
      from: over ? first : step,
      to: over ? (steps.at(-1) ?? 0) + 1 : step + 1,
      first: over ? overMax : shownMax,
    },
    { paused: !visible, scope: `${props.run} ${key}` },
  );
  const page = asked.data?.run?.media;
  const here = page?.values.filter((value) => value.step === step) ?? [];
  return (
    <article className="card media-card" ref={card} aria-label={key} data-testid="media-card">
      <header>
        <h3 className="clip" title={key}>
          {key}
        </h3>
        <span className="faint small nowrap">{kind.replaceAll('_', ' ')}</span>
      </header>
      {steps.length > 1 && (
        <div className="row media-steps">
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={at}
            aria-label={`Step of ${key}`}
            aria-valuetext={`step ${step}`}
            data-testid="media-step"
            onChange={(event) => setChosen(steps[Number(event.target.value)] ?? null)}
          />
          <span className="small nowrap">step {formatCount(step)}</span>
          {chosen !== null && (
            <button type="button" className="link small" onClick={() => setChosen(null)}>
              Newest
            </button>
          )}
        </div>
      )}
      {steps.length === 1 && <p className="small dim">step {formatCount(step)}</p>}
      {stepCount > steps.length && (
        <p className="small dim">
          {formatCount(steps.length)} of {plural(stepCount, 'step')}
        </p>
      )}
      {ranks.length > 1 && (
        <label className="small dim">
          Rank{' '}
          <select
            className="field small-field"
            value={rank ?? ''}
            onChange={(event) => setRank(event.target.value === '' ? null : Number(event.target.value))}
          >
            {!over && <option value="">all</option>}
            {ranks.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
      <Answered
        answer={visible || page ? page && here : []}
        trouble={asked.trouble}
        what={key}
        none={visible ? 'Nothing was logged at this step by this rank.' : '…'}
      >
        {(values) =>
          over ? (
            <HistogramView value={values[0]!} all={page?.values ?? []} choose={setChosen} />
          ) : (
            <div className={kind === 'image' ? 'pictures' : 'media-values'}>
              {values.map((value) => (
                <MediaValue
                  key={`${value.rank} ${value.index}`}
                  value={value}
                  label={[
                    ranks.length > 1 ? `rank ${value.rank}` : '',
                    values.length > 1 && value.index > 0 ? `#${value.index + 1}` : '',
                  ]
                    .filter(Boolean)
                    .join(' ')}
                />
              ))}
            </div>
          )
        }
      </Answered>
      {page?.hasNextPage === true && (
        <p className="small dim">The first {over ? overMax : shownMax} values are shown.</p>
      )}
    </article>
  );
}
