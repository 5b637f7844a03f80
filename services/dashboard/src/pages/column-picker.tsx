import { useState, type ReactElement } from 'react';
import type { Columns } from './columns.js';

interface Props {
  metricKeys: readonly string[];
  paramKeys: readonly string[];
  columns: Columns;
  choose: (columns: Columns) => void;
}

function toggled(list: readonly string[], key: string): string[] {
  return list.includes(key) ? list.filter((each) => each !== key) : [...list, key];
}

export function ColumnPicker(props: Props): ReactElement {
  const { columns, choose } = props;
  const [search, setSearch] = useState('');
  const matches = (key: string): boolean => key.toLowerCase().includes(search.toLowerCase());
  const list = (title: string, keys: readonly string[], chosen: readonly string[], pick: (key: string) => void) => (
    <fieldset>
      <legend>{title}</legend>
      {[...new Set([...chosen, ...keys])].filter(matches).map((key) => (
        <label key={key} className="check">
          <input type="checkbox" checked={chosen.includes(key)} onChange={() => pick(key)} />
          <span className="mono clip">{key}</span>
        </label>
      ))}
    </fieldset>
  );
  return (
    <details className="menu">
      <summary className="button">Columns</summary>
      <div className="menu-body">
        <input
          className="field"
          aria-label="Search columns"
          placeholder="Search columns"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="menu-scroll">
          {list('Metrics', props.metricKeys, columns.metrics, (key) =>
            choose({ ...columns, metrics: toggled(columns.metrics, key) }),
          )}
          {list('Params', props.paramKeys, columns.params, (key) =>
            choose({ ...columns, params: toggled(columns.params, key) }),
          )}
        </div>
      </div>
    </details>
  );
}
