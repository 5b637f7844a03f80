import { useMemo, useState, type ReactElement } from 'react';
import { formatCount, formatNumber, plural } from '../format/format.js';
import { readTable, type Cell } from './parsed.js';

const shownMax = 200;

const words = (cell: Cell | undefined): string =>
  cell === null || cell === undefined
    ? ''
    : typeof cell === 'object'
      ? JSON.stringify(cell)
      : typeof cell === 'number'
        ? formatNumber(cell)
        : String(cell);

function compare(a: Cell | undefined, b: Cell | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return words(a).localeCompare(words(b), undefined, { numeric: true });
}

/** A logged table: sorted by a click on a column, filtered by words that any cell holds. */
export function TableView(props: { text: string }): ReactElement {
  const table = useMemo(() => readTable(props.text), [props.text]);
  const [sort, setSort] = useState<{ column: number; down: boolean } | null>(null);
  const [match, setMatch] = useState('');
  const rows = useMemo(() => {
    const wanted = match.trim().toLowerCase();
    const kept = (table?.rows ?? []).filter(
      (row) => wanted === '' || row.some((cell) => words(cell).toLowerCase().includes(wanted)),
    );
    if (sort === null) return kept;
    return kept.toSorted((a, b) => compare(a[sort.column], b[sort.column]) * (sort.down ? -1 : 1));
  }, [table, sort, match]);
  if (!table) return <div className="notice">This table can’t be read.</div>;
  const change = (column: number): void =>
    setSort((before) => (before?.column === column ? { column, down: !before.down } : { column, down: false }));
  return (
    <div className="media-table" data-testid="media-table">
      <div className="row">
        <input
          className="field small-field"
          type="search"
          aria-label="Filter rows"
          placeholder="Filter rows"
          value={match}
          onChange={(event) => setMatch(event.target.value)}
        />
        <span className="faint small" role="status">
          {rows.length > shownMax
            ? `${formatCount(shownMax)} of ${plural(rows.length, 'row')}`
            : plural(rows.length, 'row')}
        </span>
      </div>
      <div className="media-table-scroll">
        <table>
          <thead>
            <tr>
              {table.columns.map((name, at) => (
                <th key={at} aria-sort={sort?.column !== at ? 'none' : sort.down ? 'descending' : 'ascending'}>
                  <button type="button" className="sort" onClick={() => change(at)}>
                    {name}
                    {sort?.column === at ? (sort.down ? ' ↓' : ' ↑') : ''}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shownMax).map((row, at) => (
              <tr key={at}>
                {table.columns.map((_, column) => (
                  <td key={column} className={typeof row[column] === 'number' ? 'num' : ''} title={words(row[column])}>
                    {words(row[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
