import { useState, type ReactElement } from 'react';
import { Link } from 'react-router';
import { compareAddress, comparedMax } from '../compare/chosen-runs.js';
import { plural } from '../format/format.js';
import { Dialog } from '../parts/dialog.js';
import type { Bulk } from './bulk.js';
import { useBulk } from './use-bulk.js';

interface Props {
  chosen: ReadonlySet<string>;
  archived: boolean;
  /** How many match in words, when not all of them are chosen. */
  others: string | null;
  chooseMatching: () => Promise<string | null>;
  clear: () => void;
  changed: () => void;
}
type Asked = 'tag' | 'group' | 'delete';

/** What can be done with the runs that are chosen. What can be taken back is done at once; what hides runs for good asks first. */
export function ChosenBar(props: Props): ReactElement | null {
  const { chosen, archived, clear } = props;
  const [asked, setAsked] = useState<Asked | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const { working, told, dismiss, act } = useBulk(props.changed);
  const close = (): void => setAsked(null);
  const start = (bulk: Bulk): void => {
    const ids = [...chosen];
    // those that leave the list are no longer chosen
    if (bulk.act === 'archive' || bulk.act === 'restore' || bulk.act === 'delete') clear();
    void act(bulk, ids);
  };
  const button = (words: string, testId: string, onClick: () => void, more = ''): ReactElement => (
    <button
      type="button"
      className={`button ${more}`}
      data-testid={testId}
      disabled={working !== null}
      onClick={onClick}
    >
      {words}
    </button>
  );
  return (
    <>
      {(working !== null || told !== null) && (
        <div className="notice bulk-notice" role="status" data-testid="bulk-told">
          {working !== null && (
            <>
              <span className="spinner" aria-hidden="true" /> {working.done} of {plural(working.of, 'run')}…
            </>
          )}
          {told !== null && (
            <>
              <span>{told.words}</span>
              {told.undo !== null && button('Undo', 'bulk-undo', told.undo)}
              {button('Close', 'bulk-close', dismiss)}
              {told.refused.length > 0 && (
                <details open className="problem">
                  <summary>{plural(told.refused.length, 'run')} not changed</summary>
                  <ul className="refused">
                    {told.refused.map(({ id, why }) => (
                      <li key={id}>
                        <Link to={`/runs/${encodeURIComponent(id)}`}>{id}</Link>: {why}
                      </li>
                    ))}
                  </ul>
                </details>
              )}
            </>
          )}
        </div>
      )}
      {chosen.size > 0 && (
        <div className="toolbar chosen-bar" role="group" aria-label="Chosen runs" data-testid="chosen">
          <strong>{plural(chosen.size, 'run')} chosen</strong>
          {chosen.size <= comparedMax && (
            <Link className="button primary" to={compareAddress([...chosen])} data-testid="compare">
              Compare
            </Link>
          )}
          {button('Tag…', 'bulk-tag', () => setAsked('tag'))}
          {button('Group…', 'bulk-group', () => setAsked('group'))}
          {archived
            ? button('Restore', 'bulk-restore', () => start({ act: 'restore' }))
            : button('Archive', 'bulk-archive', () => start({ act: 'archive' }))}
          {button('Delete…', 'bulk-delete', () => setAsked('delete'), 'warns')}
          {button('Choose none', 'choose-none', clear)}
          {props.others !== null &&
            button(
              `Choose all ${props.others} that match`,
              'choose-matching',
              () => void props.chooseMatching().then(setProblem),
            )}
          {problem !== null && (
            <span className="problem" role="alert">
              {problem}
            </span>
          )}
        </div>
      )}
      {asked !== null && <Asking asked={asked} count={chosen.size} close={close} start={start} />}
    </>
  );
}

function Asking(props: { asked: Asked; count: number; close: () => void; start: (bulk: Bulk) => void }): ReactElement {
  const { asked, close } = props;
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const runs = plural(props.count, 'run');
  const then = (bulk: Bulk): Promise<null> => {
    props.start(bulk);
    return Promise.resolve(null);
  };
  const field = (label: string, text: string, set: (text: string) => void, hint: string): ReactElement => (
    <label className="labelled">
      <span>{label}</span>
      <input
        className="field"
        autoFocus={label !== 'Value'}
        placeholder={hint}
        value={text}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  );
  switch (asked) {
    case 'tag':
      return (
        <Dialog
          title={`Tag ${runs}`}
          act="Tag"
          ready={key.trim() !== ''}
          close={close}
          confirm={() =>
            then(value.trim() === '' ? { act: 'label', label: key.trim() } : { act: 'tag', key: key.trim(), value })
          }
        >
          {field('Tag', key, setKey, 'baseline, or a key such as team')}
          {field('Value', value, setValue, 'none: the tag is a word by itself')}
        </Dialog>
      );
    case 'group':
      return (
        <Dialog
          title={`Group of ${runs}`}
          act="Put into group"
          close={close}
          confirm={() => then({ act: 'group', group: value.trim() })}
        >
          {field('Group', value, setValue, 'empty takes them out of any')}
        </Dialog>
      );
    case 'delete':
      return (
        <Dialog title={`Delete ${runs}?`} act="Delete" danger close={close} confirm={() => then({ act: 'delete' })}>
          <p className="dim">
            They disappear from lists, search, GraphQL and SQL. The log keeps their events: this can be undone here for
            some seconds, and later by each run’s id.
          </p>
        </Dialog>
      );
  }
}
