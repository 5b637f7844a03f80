import type { ReactElement } from 'react';
import { formatCount } from '../format/format.js';
import { readMatrix } from './parsed.js';

/** Cells with numbers up to so many classes; beyond that colours alone. */
const numbersMax = 20;

/** A confusion matrix: rows are true classes, columns what they were taken for; darker is a larger share of its row. */
export function MatrixView(props: { text: string }): ReactElement {
  const found = readMatrix(props.text);
  if (!found) return <div className="notice">This matrix can’t be read.</div>;
  const { labels, matrix } = found;
  const right = matrix.reduce((sum, row, at) => sum + (row[at] ?? 0), 0);
  const all = matrix.flat().reduce((sum, count) => sum + count, 0);
  return (
    <div className="matrix" data-testid="media-matrix">
      <div className="matrix-scroll">
        <table>
          <caption className="small dim">
            Rows: true class. Columns: predicted. {all > 0 ? `${((right / all) * 100).toFixed(1)} % right.` : ''}
          </caption>
          <thead>
            <tr>
              <th />
              {labels.map((label) => (
                <th key={label} scope="col" title={label}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.map((row, at) => {
              const total = row.reduce((sum, count) => sum + count, 0) || 1;
              return (
                <tr key={labels[at]}>
                  <th scope="row" title={labels[at]}>
                    {labels[at]}
                  </th>
                  {row.map((count, column) => {
                    const share = count / total;
                    return (
                      <td
                        key={column}
                        className={column === at ? 'right' : 'wrong'}
                        style={{ '--share': String(Math.round(share * 100)) } as Record<string, string>}
                        title={`${labels[at]} taken for ${labels[column]}: ${formatCount(count)} (${(share * 100).toFixed(1)} %)`}
                      >
                        {labels.length <= numbersMax ? formatCount(count) : ''}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
