import { useEffect, useId, useRef, useState, type ReactElement, type ReactNode, type SyntheticEvent } from 'react';

interface Props {
  title: string;
  /** What will happen, in the words of the button. */
  act: string;
  danger?: boolean;
  ready?: boolean;
  children: ReactNode;
  /** Resolves with null when done, else with the sentence to show; the dialog stays open then. */
  confirm: () => Promise<string | null>;
  close: () => void;
}

/** Asks before something happens. The browser's own modal dialog: focus stays inside, Escape gives up, focus goes back. */
export function Dialog(props: Props): ReactElement {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const dialog = element.current;
    if (dialog?.open === false) dialog.showModal();
    return () => dialog?.close();
  }, []);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const refusal = await props.confirm();
    setBusy(false);
    setProblem(refusal);
    if (refusal === null) props.close();
  };
  return (
    <dialog ref={element} className="dialog" aria-labelledby={title} data-testid="dialog" onClose={props.close}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id={title}>{props.title}</h2>
        {props.children}
        {problem !== null && (
          <p className="problem" role="alert" data-testid="dialog-problem">
            {problem}
          </p>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={props.close}>
            Cancel
          </button>
          <button
            type="submit"
            className={props.danger === true ? 'button danger' : 'button primary'}
            disabled={busy || props.ready === false}
            data-testid="dialog-confirm"
          >
            {busy && <span className="spinner" aria-hidden="true" />}
            {props.act}
          </button>
        </div>
      </form>
    </dialog>
  );
}
