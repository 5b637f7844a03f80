import { useRef, type ReactElement } from 'react';
import { Link } from 'react-router';
import type { SqlTable } from '../data/sql.js';
import { formatCount, formatDuration, plural } from '../format/format.js';
import { VirtualRows } from '../parts/virtual-rows.js';

const numeric = /^(?:Nullable\()?(?:U?Int|Float|Decimal)/;
const widthMin = 80;
const widthMax = 420;

/** Wide enough for what the first rows hold, within reason: a cell shows the rest on hover. */
export function columnWidth(name: string, cells: readonly (string | null)[]): number {
  const longest = cells.slice(0, 100).reduce((most, cell) => Math.max(most, cell?.length ?? 4), name.length);
  return Math.min(widthMax, Math.max(widthMin, 24 + longest * 7.3));
}

function Cell(props: { name: string; type: string; value: string | null }): ReactElement {
  const { name, type, value } = props;
  if (value === null) return <td className={numeric.test(type) ? 'num faint' : 'faint'}>null</td>;
  const shown = value.length > 500 ? `${value.slice(0, 500)}…` : value;
  return (
    <td className={numeric.test(type) ? 'num mono clip' : 'mono clip'} title={value.slice(0, 2000)}>
      {name === 'run' && value !== '' ? <Link to={`/runs/${encodeURIComponent(value)}`}>{shown}</Link> : shown}
    </td>
  );
}

export function ResultTable(props: { table: SqlTable }): ReactElement {
  const { names, types, rows, more, ms } = props.table;
  const scroller = useRef<HTMLDivElement>(null);
  const widths = names.map((name, at) =>
    columnWidth(
      name,
      rows.slice(0, 100).map((row) => row[at] ?? null),
    ),
  );
  return (
    <>
      <p className="faint small sql-count" role="status" data-testid="sql-count">
        {more
          ? `the first ${formatCount(rows.length)} rows; add a LIMIT or an aggregate for the rest`
          : plural(rows.length, 'row')}{' '}
        · {formatDuration(ms)}
      </p>
      <div className="card table-card scroller sql-rows" ref={scroller} tabIndex={0} role="region" aria-label="Result">
        <table
          className="fixed"
          style={{ minWidth: widths.reduce((sum, width) => sum + width, 0) }}
          data-testid="sql-result"
        >
          <colgroup>
            {widths.map((width, at) => (
              <col key={at} style={at === widths.length - 1 ? { minWidth: width } : { width }} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {names.map((name, at) => (
                <th key={at} className={numeric.test(types[at] ?? '') ? 'num clip' : 'clip'} title={types[at]}>
                  <span className="mono">{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <VirtualRows
            rows={rows}
            rowHeight={33}
            columns={names.length}
            scroller={scroller}
            row={(row, at) => (
              <tr key={at}>
                {row.map((value, column) => (
                  <Cell key={column} name={names[column] ?? ''} type={types[column] ?? ''} value={value} />
                ))}
              </tr>
            )}
          />
        </table>
      </div>
    </>
  );
}
