import { useState, type ReactElement, type SyntheticEvent } from 'react';
import { tagRun, type TagChange } from '../data/commands.js';
import type { RunHeadFragment } from '../generated/questions.js';

/** Labels are words; tags are key=value. One field adds either. */
export function readTag(text: string): TagChange | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const equals = trimmed.indexOf('=');
  if (equals === 0) return null;
  if (equals < 0) return { addLabels: [trimmed] };
  return { set: [{ key: trimmed.slice(0, equals).trim(), value: trimmed.slice(equals + 1).trim() }] };
}

function Chip(props: { text: string; remove: () => void }): ReactElement {
  return (
    <span className="chip">
      <span className="clip">{props.text}</span>
      <button type="button" aria-label={`Remove ${props.text}`} onClick={props.remove}>
        ×
      </button>
    </span>
  );
}

export function Tags(props: { run: RunHeadFragment; changed: () => void }): ReactElement {
  const { run } = props;
  const [adding, setAdding] = useState(false);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const send = async (change: TagChange): Promise<void> => {
    const refusal = await tagRun(run.id, change);
    setProblem(refusal);
    if (refusal !== null) return;
    setText('');
    setAdding(false);
    props.changed();
  };
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const change = readTag(text);
    if (change === null) setAdding(false);
    else void send(change);
  };
  return (
    <div className="chips" data-testid="run-tags">
      {run.labels.map((label) => (
        <Chip key={label} text={label} remove={() => void send({ removeLabels: [label] })} />
      ))}
      {run.tags.map((tag) => (
        <Chip key={tag.key} text={`${tag.key}=${tag.value}`} remove={() => void send({ remove: [tag.key] })} />
      ))}
      {adding ? (
        <form onSubmit={submit}>
          <input
            className="field small-field"
            autoFocus
            aria-label="Label, or key=value"
            placeholder="label or key=value"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === 'Escape' && setAdding(false)}
          />
        </form>
      ) : (
        <button type="button" className="button small" onClick={() => setAdding(true)}>
          + tag
        </button>
      )}
      {problem !== null && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
