import { useState, type ReactElement } from 'react';
import { useNavigate } from 'react-router';
import { archiveRun, deleteRun, restoreRun } from '../data/commands.js';
import type { RunHeadFragment } from '../generated/questions.js';
import { Dialog } from '../parts/dialog.js';
import { FinishDialog } from './finish-dialog.js';
import { ForkDialog } from './fork-dialog.js';
import { nameOf } from '../format/format.js';

type Asked = 'fork' | 'finish' | 'archive' | 'delete';

/** What a person can do to a run. What hides a run asks first; restoring is done at once, it takes nothing away. */
export function RunActions(props: { run: RunHeadFragment; changed: () => void; deleted: () => void }): ReactElement {
  const { run, changed } = props;
  const go = useNavigate();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const close = (): void => setAsked(null);
  const then = async (doing: Promise<string | null>, done: () => void): Promise<string | null> => {
    const refusal = await doing;
    if (refusal === null) done();
    return refusal;
  };
  const open = run.status === 'RUNNING' || run.status === 'LOST';
  return (
    <div className="row actions" role="group" aria-label="What to do with this run">
      {problem !== null && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
      <button type="button" className="button" data-testid="fork" onClick={() => setAsked('fork')}>
        Fork
      </button>
      {open && (
        <button type="button" className="button" data-testid="finish" onClick={() => setAsked('finish')}>
          Mark as ended
        </button>
      )}
      {run.archived ? (
        <button
          type="button"
          className="button"
          data-testid="restore"
          onClick={() => void then(restoreRun(run.id), changed).then(setProblem)}
        >
          Restore
        </button>
      ) : (
        <button type="button" className="button" data-testid="archive" onClick={() => setAsked('archive')}>
          Archive
        </button>
      )}
      <button type="button" className="button warns" data-testid="delete" onClick={() => setAsked('delete')}>
        Delete
      </button>
      {asked === 'fork' && (
        <ForkDialog run={run} close={close} forked={(id) => void go(`/runs/${encodeURIComponent(id)}`)} />
      )}
      {asked === 'finish' && <FinishDialog run={run} close={close} changed={changed} />}
      {asked === 'archive' && (
        <Dialog
          title={`Archive ${nameOf(run)}?`}
          act="Archive"
          confirm={() => then(archiveRun(run.id), changed)}
          close={close}
        >
          <p className="dim">It leaves the lists; its page, links and SQL stay. “Archived” on the project shows it.</p>
        </Dialog>
      )}
      {asked === 'delete' && (
        <Dialog
          title={`Delete ${nameOf(run)}?`}
          act="Delete"
          danger
          confirm={() => then(deleteRun(run.id), props.deleted)}
          close={close}
        >
          <p className="dim">
            It disappears from lists, search, GraphQL and SQL, with its charts and console lines. The log keeps its
            events: it can be restored by its id <code>{run.id}</code>.
          </p>
          {open && <p className="problem">It is still running, and goes on: what it logs stays hidden with it.</p>}
        </Dialog>
      )}
    </div>
  );
}
