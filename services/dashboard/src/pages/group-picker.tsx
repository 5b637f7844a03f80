import { useDeferredValue, useState, type ReactElement } from 'react';
import { attributeTitles, groupsMax, quotedKey } from './columns.js';
import { useRunKeys } from './use-run-keys.js';

interface Props {
  project: string;
  groups: readonly string[];
  choose: (groups: string[]) => void;
}

const attributes = ['group', 'job_type', 'user', 'status', 'world_size', 'labels', 'name'];
const keysShown = 40;

/** How a field is called where its kind is clear. */
export function fieldTitle(field: string): string {
  const key = field.slice(field.indexOf('.') + 1);
  if (field.startsWith('attributes.')) return attributeTitles[key] ?? key;
  return key.startsWith('`') ? key.slice(1, -1).replaceAll('``', '`').replaceAll('\\\\', '\\') : key;
}

/** By which fields the runs are grouped, one within another. */
export function GroupPicker(props: Props): ReactElement {
  const [open, setOpen] = useState(false);
  return (
    <details className="menu" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="button" data-testid="group" aria-label="Group runs">
        Group{props.groups.length > 0 && `: ${props.groups.map(fieldTitle).join(', ')}`}
      </summary>
      {open && <Body {...props} />}
    </details>
  );
}

function Body({ project, groups, choose }: Props): ReactElement {
  const [search, setSearch] = useState('');
  const match = useDeferredValue(search.trim());
  const params = useRunKeys(project, 'PARAMS', match, keysShown) ?? [];
  const tags = useRunKeys(project, 'TAGS', match, keysShown) ?? [];
  const full = groups.length >= groupsMax;
  const list = (title: string, fields: readonly string[]): ReactElement | null =>
    fields.length === 0 ? null : (
      <fieldset>
        <legend>{title}</legend>
        {fields.map((field) => (
          <label key={field} className="check">
            <input
              type="checkbox"
              checked={groups.includes(field)}
              disabled={full && !groups.includes(field)}
              onChange={() =>
                choose(groups.includes(field) ? groups.filter((each) => each !== field) : [...groups, field])
              }
            />
            <span className="clip" title={field}>
              {fieldTitle(field)}
            </span>
          </label>
        ))}
      </fieldset>
    );
  return (
    <div className="menu-body">
      <input
        className="field"
        aria-label="Search fields to group by"
        placeholder="Search params and tags"
        autoFocus
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="menu-scroll">
        {groups.length > 0 && list('Grouped by, outermost first', groups)}
        {match === '' &&
          list(
            'Attributes',
            attributes.map((key) => `attributes.${key}`),
          )}
        {list(
          'Params',
          params.map((key) => `params.${quotedKey(key)}`),
        )}
        {list(
          'Tags',
          tags.map((key) => `tags.${quotedKey(key)}`),
        )}
        {full && <p className="faint small">At most {groupsMax}, one within another.</p>}
      </div>
    </div>
  );
}
