import { useDeferredValue, useLayoutEffect, useRef, useState, type ReactElement } from 'react';
import type { LineFragment, RunHeadFragment } from '../generated/questions.js';
import { formatCount, plural } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { useLines } from './use-lines.js';

const shownMax = 2000;

function clock(at: number): string {
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function Rows(props: { lines: readonly LineFragment[]; ranked: boolean }): ReactElement {
  return (
    <>
      {props.lines.map((line) => (
        <div
          key={`${line.attempt}/${line.writer}/${line.stream}/${line.number}`}
          className={line.stream === 'stderr' ? 'line err' : 'line'}
          data-testid="console-line"
        >
          <span className="line-time">{clock(line.time)}</span>
          {props.ranked && <span className="line-rank">{line.rank}</span>}
          <span className="line-text">{line.text}</span>
        </div>
      ))}
    </>
  );
}

export function ConsoleTab(props: { run: RunHeadFragment }): ReactElement {
  const { run } = props;
  const [rankText, setRankText] = useState('');
  const [match, setMatch] = useState('');
  const [follow, setFollow] = useState(true);
  const sought = useDeferredValue(match);
  const box = useRef<HTMLDivElement>(null);
  const rank = /^\d+$/.test(rankText.trim()) ? Number(rankText) : null;
  const live = run.status === 'RUNNING' || run.status === 'LOST';
  const { lines, skipped, more, trouble } = useLines(run.id, rank, sought, live);
  const shown = lines?.slice(-shownMax);
  useLayoutEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, follow]);
  return (
    <section aria-label="Console" className="console">
      <div className="toolbar">
        <input
          className="field search"
          type="search"
          placeholder="Filter text"
          aria-label="Filter text"
          data-testid="console-filter"
          value={match}
          onChange={(event) => setMatch(event.target.value)}
        />
        {run.worldSize > 1 && (
          <input
            className="field ranks-field"
            inputMode="numeric"
            placeholder="all ranks"
            aria-label="Only this rank"
            aria-invalid={rankText.trim() !== '' && rank === null}
            value={rankText}
            onChange={(event) => setRankText(event.target.value)}
          />
        )}
        <button type="button" className="button" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
        <span className="grow" />
        <span className="faint small" role="status">
          {shown !== undefined && `${more ? 'newest ' : ''}${plural(shown.length, 'line')}`}
          {skipped > 0 && ` · ${formatCount(skipped)} passed over while this page was slow`}
        </span>
      </div>
      <Answered
        answer={shown}
        trouble={trouble}
        what="console lines"
        none={
          sought === ''
            ? 'Nothing printed yet. What the training prints is shown here as it is printed.'
            : 'No line contains this text.'
        }
      >
        {(newest) => (
          <div
            ref={box}
            className="lines card"
            role="log"
            aria-live="off"
            tabIndex={0}
            aria-label="Console lines"
            onScroll={(event) => {
              const at = event.currentTarget;
              const end = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
              if (end !== follow) setFollow(end);
            }}
          >
            <Rows lines={newest} ranked={run.worldSize > 1} />
          </div>
        )}
      </Answered>
    </section>
  );
}
