import { useEffect, useId, useRef, useState, type ComponentProps, type KeyboardEvent, type ReactElement } from 'react';
import { completed, placeAt } from './filter-completion.js';
import { useCompletions, type Completion } from './use-completions.js';

interface Props extends Omit<ComponentProps<'input'>, 'value' | 'onChange'> {
  project: string;
  value: string;
  change: (text: string) => void;
}

/** A field for a filter with a list below it of what can stand at the caret: arrows choose, Enter or Tab takes, Escape closes. */
export function CompletedInput({ project, value, change, ...more }: Props): ReactElement {
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  const [caret, setCaret] = useState<number | null>(null);
  const [active, setActive] = useState(-1);
  const [put, setPut] = useState<number | null>(null);
  const found = caret === null ? null : placeAt(value, caret);
  // directly behind a word or a quote nothing new begins
  const begins = found?.expects === 'field' || found?.expects === 'value' || /\s$/.test(value.slice(0, caret ?? 0));
  const place = found !== null && found.partial === '' && !begins ? null : found;
  const options = useCompletions(project, place);
  const open = caret !== null && options.length > 0;
  useEffect(() => {
    if (put === null) return;
    input.current?.setSelectionRange(put, put);
    setPut(null);
  }, [put]);

  const look = (): void => {
    setCaret(input.current?.selectionStart ?? null);
    setActive(-1);
  };
  const take = (option: Completion): void => {
    if (place === null || caret === null) return;
    const next = completed(value, place, caret, option.insert);
    change(next.text);
    setCaret(next.caret);
    setActive(-1);
    setPut(next.caret);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (!open) look();
      else setActive((at) => (at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length);
      return;
    }
    const chosen = options[active];
    if (open && chosen !== undefined && (event.key === 'Enter' || event.key === 'Tab')) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Enter' || event.key === 'Tab') setCaret(null);
    if (event.key === 'Escape') setCaret(null);
  };
  return (
    <div className="completed">
      <input
        {...more}
        ref={input}
        value={value}
        role="combobox"
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={open && active >= 0 ? `${list}-${active}` : undefined}
        onChange={(event) => {
          change(event.target.value);
          look();
        }}
        onClick={look}
        onKeyDown={onKeyDown}
        onKeyUp={(event) => {
          if (event.key === 'ArrowLeft' || event.key === 'ArrowRight' || event.key === 'Home' || event.key === 'End')
            look();
        }}
        onBlur={() => setCaret(null)}
      />
      <ul
        id={list}
        role="listbox"
        aria-label="Completions"
        className="completions"
        hidden={!open}
        data-testid="completions"
      >
        {options.map((option, at) => (
          <li
            key={`${option.hint} ${option.shown}`}
            id={`${list}-${at}`}
            role="option"
            aria-selected={at === active}
            // before the field loses its focus
            onPointerDown={(event) => {
              event.preventDefault();
              take(option);
            }}
          >
            <span className="mono clip">{option.shown}</span>
            <span className="faint small">{option.hint}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
