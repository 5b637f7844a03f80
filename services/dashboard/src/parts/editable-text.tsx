import { useState, type KeyboardEvent, type ReactElement } from 'react';

interface Props {
  value: string;
  label: string;
  placeholder: string;
  testId?: string;
  className?: string;
  save: (text: string) => Promise<string | null>;
}

/** Text that becomes a field on click or Enter; Enter saves, Escape gives up. */
export function EditableText(props: Props): ReactElement {
  const [draft, setDraft] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);

  const commit = async (): Promise<void> => {
    if (draft === null || saving) return;
    if (draft === props.value) {
      setDraft(null);
      return;
    }
    setSaving(true);
    const refusal = await props.save(draft);
    setSaving(false);
    setProblem(refusal);
    if (refusal === null) setDraft(null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      setDraft(null);
      setProblem(null);
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      void commit();
    }
  };
  if (draft === null) {
    return (
      <button
        type="button"
        className={`editable ${props.className ?? ''}`}
        title={`Edit ${props.label}`}
        data-testid={props.testId}
        onClick={() => setDraft(props.value)}
      >
        {props.value === '' ? <span className="faint">{props.placeholder}</span> : props.value}
      </button>
    );
  }
  return (
    <span className="editing">
      <input
        value={draft}
        aria-label={props.label}
        aria-invalid={problem !== null}
        autoFocus
        disabled={saving}
        className={`field ${props.className ?? ''}`}
        onKeyDown={onKeyDown}
        onBlur={() => void commit()}
        onChange={(event) => setDraft(event.target.value)}
      />
      {problem !== null && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}
