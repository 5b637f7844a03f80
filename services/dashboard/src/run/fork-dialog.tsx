import { useMemo, useState, type ReactElement } from 'react';
import { forkRun } from '../data/commands.js';
import { SettingsDocument, type RunHeadFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { formatCount, nameOf } from '../format/format.js';
import { Dialog } from '../parts/dialog.js';

/** "1,200" and "1200" are steps; anything else is none. */
export function readStep(text: string): number | null {
  const plain = text.replaceAll(/[,\s_]/g, '');
  const step = Number(plain);
  return /^\d+$/.test(plain) && Number.isSafeInteger(step) ? step : null;
}

function newRunId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `fork-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export function ForkDialog(props: {
  run: RunHeadFragment;
  close: () => void;
  forked: (id: string) => void;
}): ReactElement {
  const { run } = props;
  const summary = useGraph(SettingsDocument, { id: run.id }).data?.run?.summary;
  const reached = useMemo(
    () => summary?.reduce<number | null>((most, { lastStep }) => Math.max(most ?? 0, lastStep ?? 0), null) ?? null,
    [summary],
  );
  const [text, setText] = useState<string | null>(null);
  const [name, setName] = useState(`${nameOf(run)} (fork)`);
  const [attempt, setAttempt] = useState<number | null>(null);
  const [id] = useState(newRunId);
  const shown = text ?? (reached === null ? '' : String(reached));
  const step = readStep(shown);
  const attempts = run.attempts.map((each) => each.number);
  return (
    <Dialog
      title={`Fork ${nameOf(run)}`}
      act="Fork"
      ready={step !== null && name.trim() !== ''}
      confirm={async () => {
        if (step === null) return 'The step is a whole number.';
        const refusal = await forkRun(run.id, id, { step, attempt, name: name.trim() });
        if (refusal === null) props.forked(id);
        return refusal;
      }}
      close={props.close}
    >
      <p className="dim">
        A new run that shows this run’s points up to and including a step. Point a training at it with{' '}
        <code>RUNSTREAM_RUN_ID={id}</code> and it goes on from there; this run stays as it is.
      </p>
      <label className="labelled">
        <span>Up to step</span>
        <input
          className="field"
          inputMode="numeric"
          value={shown}
          aria-invalid={shown !== '' && step === null}
          data-testid="fork-step"
          onChange={(event) => setText(event.target.value)}
        />
        {reached !== null && <span className="faint small">this run reached {formatCount(reached)}</span>}
      </label>
      {attempts.length > 1 && (
        <label className="labelled">
          <span>Of attempt</span>
          <select
            className="field"
            value={attempt ?? attempts.at(-1)}
            onChange={(event) => setAttempt(Number(event.target.value))}
          >
            {attempts.map((number) => (
              <option key={number} value={number}>
                {number}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="labelled">
        <span>Name</span>
        <input
          className="field"
          value={name}
          data-testid="fork-name"
          onChange={(event) => setName(event.target.value)}
        />
      </label>
    </Dialog>
  );
}
