import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { Trouble } from '../data/client.js';

interface Props {
  value: string;
  trouble: Trouble | null;
  apply: (filter: string) => void;
}

/** Where the problem is: told by the server, or read from its sentence. */
export function placeOf(trouble: Trouble): number | null {
  if (trouble.at !== null) return trouble.at;
  const told = /(?:character|position|column|at)\s+(\d+)/i.exec(trouble.message);
  return told === null ? null : Number(told[1]);
}

export function FilterBox(props: Props): ReactElement {
  const [text, setText] = useState(props.value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { trouble, apply } = props;
  const refused = trouble?.kind === 'refused' ? trouble : null;
  const place = refused === null ? null : placeOf(refused);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next: string): void => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(next), 350);
  };
  return (
    <form
      className="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        apply(text);
      }}
    >
      <label className="hidden-label" htmlFor="filter">
        Search runs
      </label>
      <input
        id="filter"
        className="field mono"
        data-testid="filter"
        spellCheck={false}
        autoComplete="off"
        placeholder="metrics.loss < 0.3 and params.lr = '0.1' and attributes.status = 'RUNNING'"
        value={text}
        aria-invalid={refused !== null}
        aria-describedby={refused === null ? undefined : 'filter-problem'}
        onChange={(event) => change(event.target.value)}
      />
      {refused !== null && (
        <p className="filter-problem mono" id="filter-problem" role="alert" data-testid="filter-problem">
          {place !== null && (
            <span aria-hidden="true" className="caret" style={{ marginLeft: `${Math.min(place, text.length)}ch` }}>
              ▲
            </span>
          )}
          {refused.message}
        </p>
      )}
    </form>
  );
}
