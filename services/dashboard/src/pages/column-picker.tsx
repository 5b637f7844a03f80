import { useDeferredValue, useState, type ReactElement } from 'react';
import { arranged, attributeTitles, changed, columnId, columnTitle, shifted, toggled, type Column } from './columns.js';
import { useRunKeys } from './use-run-keys.js';

interface Props {
  project: string;
  columns: readonly Column[];
  choose: (columns: Column[]) => void;
}
type Kind = Column['kind'];

const keysShown = 60;

/** The columns that are shown, in their order: each can be moved, pinned and taken away, all by keyboard too. */
function Chosen(props: Pick<Props, 'columns' | 'choose'>): ReactElement {
  const list = arranged(props.columns);
  return (
    <fieldset>
      <legend>Shown, from left to right</legend>
      <ol className="chosen-columns">
        {list.map((column, at) => {
          const id = columnId(column);
          const title = columnTitle(column);
          return (
            <li key={id}>
              <span className={column.kind === 'attributes' ? 'clip' : 'mono clip'} title={id}>
                {title}
              </span>
              {column.kind === 'metrics' && (
                <select
                  className="field small-field"
                  aria-label={`Which value of ${column.key}`}
                  value={column.stat}
                  onChange={(event) => props.choose(changed(list, id, { stat: event.target.value as Column['stat'] }))}
                >
                  <option>last</option>
                  <option>min</option>
                  <option>max</option>
                </select>
              )}
              <button
                type="button"
                className="button small"
                aria-label={`Move ${title} left`}
                disabled={at === 0}
                onClick={() => props.choose(shifted(list, id, -1))}
              >
                ←
              </button>
              <button
                type="button"
                className="button small"
                aria-label={`Move ${title} right`}
                disabled={at === list.length - 1}
                onClick={() => props.choose(shifted(list, id, 1))}
              >
                →
              </button>
              <button
                type="button"
                className="button small"
                aria-label={`Pin ${title}`}
                title="Stays in sight when the table is scrolled sideways"
                aria-pressed={column.pinned}
                onClick={() => props.choose(arranged(changed(list, id, { pinned: !column.pinned })))}
              >
                Pin
              </button>
              <button
                type="button"
                className="button small"
                aria-label={`Hide ${title}`}
                disabled={list.length === 1}
                onClick={() => props.choose(toggled(list, column))}
              >
                ×
              </button>
            </li>
          );
        })}
      </ol>
    </fieldset>
  );
}

export function ColumnPicker(props: Props): ReactElement {
  const [open, setOpen] = useState(false);
  return (
    <details className="menu" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="button" data-testid="columns">
        Columns
      </summary>
      {open && <Body {...props} />}
    </details>
  );
}

function Body({ project, columns, choose }: Props): ReactElement {
  const [search, setSearch] = useState('');
  const match = useDeferredValue(search.trim());
  const metrics = useRunKeys(project, 'METRICS', match, keysShown);
  const params = useRunKeys(project, 'PARAMS', match, keysShown);
  const tags = useRunKeys(project, 'TAGS', match, keysShown);
  const shown = new Set(columns.map((column) => `${column.kind}.${column.key}`));
  const attributes = Object.keys(attributeTitles).filter((key) =>
    attributeTitles[key]!.toLowerCase().includes(match.toLowerCase()),
  );
  const list = (title: string, kind: Kind, keys: readonly string[] | undefined): ReactElement | null =>
    keys?.length === 0 ? null : (
      <fieldset>
        <legend>{title}</legend>
        {keys === undefined && <span className="faint small">Loading…</span>}
        {keys?.map((key) => (
          <label key={key} className="check">
            <input
              type="checkbox"
              checked={shown.has(`${kind}.${key}`)}
              onChange={() => {
                const present = columns.filter((column) => column.kind === kind && column.key === key);
                if (present.length === 0) choose(toggled(columns, { kind, key }));
                else if (present.length < columns.length) choose(columns.filter((column) => !present.includes(column)));
              }}
            />
            <span className={kind === 'attributes' ? 'clip' : 'mono clip'} title={key}>
              {kind === 'attributes' ? attributeTitles[key] : key}
            </span>
          </label>
        ))}
        {keys?.length === keysShown && <span className="faint small">The most used; search for others.</span>}
      </fieldset>
    );
  return (
    <div className="menu-body wide">
      <input
        className="field"
        aria-label="Search columns"
        placeholder="Search columns"
        autoFocus
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="menu-scroll">
        {match === '' && <Chosen columns={columns} choose={choose} />}
        {list('Metrics', 'metrics', metrics)}
        {list('Params', 'params', params)}
        {list('Tags', 'tags', tags)}
        {list('Attributes', 'attributes', attributes)}
      </div>
    </div>
  );
}
