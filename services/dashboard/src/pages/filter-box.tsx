import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { Trouble } from '../data/client.js';
import { CompletedInput } from './completed-input.js';
import { readProblem } from './filter-problem.js';

interface Props {
  /** Whose keys and values complete what is written; none: the field is a plain one. */
  project?: string;
  label: string;
  example: string;
  value: string;
  trouble: Trouble | null;
  apply: (filter: string) => void;
}

export function FilterBox(props: Props): ReactElement {
  const [text, setText] = useState(props.value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { trouble, apply } = props;
  const refused = trouble?.kind === 'refused' ? trouble : null;
  const problem = refused === null ? null : readProblem(refused);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next: string): void => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(next), 350);
  };
  const field = {
    id: 'filter',
    className: 'field mono',
    'data-testid': 'filter',
    spellCheck: false,
    autoComplete: 'off',
    placeholder: props.example,
    'aria-invalid': refused !== null,
    'aria-describedby': refused === null ? undefined : 'filter-problem',
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
        {props.label}
      </label>
      {props.project === undefined ? (
        <input {...field} value={text} onChange={(event) => change(event.target.value)} />
      ) : (
        <CompletedInput {...field} project={props.project} value={text} change={change} />
      )}
      {problem !== null && (
        <p className="filter-problem mono" id="filter-problem" role="alert" data-testid="filter-problem">
          {problem.at !== null && (
            <span aria-hidden="true" className="caret" style={{ marginLeft: `${Math.min(problem.at, text.length)}ch` }}>
              ▲
            </span>
          )}
          {problem.text}
        </p>
      )}
    </form>
  );
}
