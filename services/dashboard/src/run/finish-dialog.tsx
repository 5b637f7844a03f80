import { useState, type ReactElement } from 'react';
import { finishRun, type Ending } from '../data/commands.js';
import type { RunHeadFragment } from '../generated/questions.js';
import { Dialog } from '../parts/dialog.js';
import { nameOf } from '../format/format.js';

const endings: readonly [Ending, string][] = [
  ['FINISHED', 'Finished: it did what it should'],
  ['FAILED', 'Failed'],
  ['KILLED', 'Killed: it was stopped on purpose'],
];

export function FinishDialog(props: { run: RunHeadFragment; close: () => void; changed: () => void }): ReactElement {
  const { run } = props;
  const [ending, setEnding] = useState<Ending>(run.status === 'LOST' ? 'KILLED' : 'FINISHED');
  const [reason, setReason] = useState('');
  return (
    <Dialog
      title={`Mark ${nameOf(run)} as ended`}
      act="Mark as ended"
      confirm={async () => {
        const refusal = await finishRun(run.id, ending, reason.trim());
        if (refusal === null) props.changed();
        return refusal;
      }}
      close={props.close}
    >
      <p className="dim">
        For a run whose processes are gone and will not say so themselves. Nothing is stopped: processes that still live
        go on, and what they log is kept.
      </p>
      <fieldset className="choices">
        <legend>How it ended</legend>
        {endings.map(([value, word]) => (
          <label key={value} className="check">
            <input type="radio" name="ending" checked={ending === value} onChange={() => setEnding(value)} />
            {word}
          </label>
        ))}
      </fieldset>
      <label className="labelled">
        <span>Reason</span>
        <input
          className="field"
          placeholder="optional"
          value={reason}
          data-testid="finish-reason"
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
    </Dialog>
  );
}
