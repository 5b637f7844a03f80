import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { Markdown } from '../parts/markdown.js';

/** A run's notes as Markdown. Writing shows them beside as they will be read; Ctrl+Enter saves, Escape gives up. */
export function Notes(props: { text: string; save: (text: string) => Promise<string | null> }): ReactElement {
  const [draft, setDraft] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const leave = (): void => {
    setDraft(null);
    setProblem(null);
  };
  const commit = async (): Promise<void> => {
    if (draft === null || saving) return;
    if (draft === props.text) return leave();
    setSaving(true);
    const refusal = await props.save(draft);
    setSaving(false);
    setProblem(refusal);
    if (refusal === null) leave();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') leave();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void commit();
    }
  };
  if (draft === null)
    return (
      <section className="notes" aria-label="Notes">
        {props.text !== '' && (
          <div className="notes-text" tabIndex={0} role="region" aria-label="Text of the notes" data-testid="notes">
            <Markdown text={props.text} />
          </div>
        )}
        <button
          type="button"
          className="button small"
          data-testid="run-notes"
          title="Markdown"
          onClick={() => setDraft(props.text)}
        >
          {props.text === '' ? 'Add notes' : 'Edit notes'}
        </button>
      </section>
    );
  return (
    <section className="notes editing-notes" aria-label="Notes">
      <textarea
        className="field mono"
        rows={Math.min(16, Math.max(5, draft.split('\n').length + 1))}
        aria-label="Notes, in Markdown"
        aria-invalid={problem !== null}
        autoFocus
        disabled={saving}
        value={draft}
        onKeyDown={onKeyDown}
        onChange={(event) => setDraft(event.target.value)}
      />
      <div className="notes-text card" tabIndex={0} role="region" aria-label="Preview" data-testid="notes-preview">
        {draft.trim() === '' ? <span className="faint">Nothing yet.</span> : <Markdown text={draft} />}
      </div>
      <div className="row">
        <button type="button" className="button primary" disabled={saving} onClick={() => void commit()}>
          Save notes
        </button>
        <button type="button" className="button" onClick={leave}>
          Cancel
        </button>
        <span className="faint small">Ctrl+Enter saves, Escape gives up.</span>
        {problem !== null && (
          <span className="problem" role="alert">
            {problem}
          </span>
        )}
      </div>
    </section>
  );
}
