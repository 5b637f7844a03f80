import { Fragment, useMemo, useState, type ReactElement } from 'react';
import { Link } from 'react-router';
import type { ComparedRunFragment } from '../generated/questions.js';
import { nameOf, plural } from '../format/format.js';
import { RunStatusBadge } from '../parts/status.js';
import { useTheme } from '../theme/theme.js';
import { comparedGroups } from './compared-rows.js';
import { runLook } from './run-look.js';

interface Props {
  runs: readonly ComparedRunFragment[];
  now: number;
  leaveOut: (id: string) => void;
}

/** Runs side by side: first what they differ in. */
export function ComparedTable(props: Props): ReactElement {
  const { runs, now } = props;
  const theme = useTheme();
  const [all, setAll] = useState(false);
  const groups = useMemo(() => comparedGroups(runs, now), [runs, now]);
  const same = groups.flatMap(({ rows }) => rows).filter(({ differs }) => !differs).length;
  const shown = groups
    .map(({ title, rows }) => ({ title, rows: rows.filter(({ differs }) => all || differs) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <section aria-label="Differences" className="differences">
      <div className="toolbar">
        <h2 className="section-title">{all ? 'All facts' : 'Differences'}</h2>
        <label className="check">
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
          also what is the same{same > 0 && ` (${plural(same, 'row')})`}
        </label>
      </div>
      <div className="card table-card">
        <table className="compared" data-testid="compared">
          <thead>
            <tr>
              <td />
              {runs.map((run, index) => (
                <th key={run.id} scope="col">
                  <span className="compared-run">
                    <i aria-hidden="true" className="swatch" style={{ background: runLook(theme, index).color }} />
                    <Link to={`/runs/${encodeURIComponent(run.id)}`} title={run.id} className="clip">
                      {nameOf(run)}
                    </Link>
                    <button
                      type="button"
                      className="leave-out"
                      aria-label={`Leave out ${nameOf(run)}`}
                      title="Leave out"
                      onClick={() => props.leaveOut(run.id)}
                    >
                      ×
                    </button>
                  </span>
                  <RunStatusBadge status={run.status} reason={run.statusReason} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((group) => (
              <Fragment key={group.title}>
                <tr className="compared-group">
                  <th scope="colgroup" colSpan={runs.length + 1}>
                    {group.title}
                  </th>
                </tr>
                {group.rows.map((row) => (
                  <tr key={row.name} className={all && row.differs ? 'differs' : ''}>
                    <th scope="row" className="mono clip" title={row.name}>
                      {row.name}
                    </th>
                    {row.values.map((value, i) => (
                      <td key={runs[i]?.id} className="clip mono" title={value ?? ''}>
                        {value ?? <span className="faint">–</span>}
                      </td>
                    ))}
                  </tr>
                ))}
              </Fragment>
            ))}
            {shown.length === 0 && (
              <tr>
                <td colSpan={runs.length + 1} className="faint">
                  These runs are alike in everything that was recorded of them.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}
