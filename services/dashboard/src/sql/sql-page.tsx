import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';
import { useSearchParams } from 'react-router';
import { runSql, type SqlOutcome } from '../data/sql.js';
import { Empty } from '../parts/notice.js';
import { formatDuration } from '../format/format.js';
import { examples, views } from './examples.js';
import { ResultTable } from './result-table.js';

function Outcome(props: { outcome: SqlOutcome }): ReactElement {
  const { outcome } = props;
  switch (outcome.kind) {
    case 'problem':
      return (
        <pre className="sql-problem" role="alert" tabIndex={0} data-testid="sql-problem">
          {outcome.message}
        </pre>
      );
    case 'text':
      return (
        <>
          <p className="faint small sql-count">{formatDuration(outcome.ms)}</p>
          <pre className="code sql-text" tabIndex={0} aria-label="Result" data-testid="sql-text">
            {outcome.text}
          </pre>
        </>
      );
    case 'table':
      return <ResultTable table={outcome} />;
  }
}

/** ClickHouse SQL over the views. The query stands in the address, so that it can be sent to somebody. */
export function SqlPage(): ReactElement {
  const [search, setSearch] = useSearchParams();
  const [sql, setSql] = useState(search.get('q') ?? examples[0]?.sql ?? '');
  const [outcome, setOutcome] = useState<SqlOutcome | null>(null);
  const [running, setRunning] = useState<AbortController | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const latest = useRef<AbortController | null>(null);
  useEffect(() => {
    document.title = 'SQL · Runstream';
    return () => latest.current?.abort();
  }, []);

  const run = useCallback(
    async (text: string): Promise<void> => {
      latest.current?.abort();
      if (text.trim() === '') return;
      const mine = new AbortController();
      latest.current = mine;
      setRunning(mine);
      setSearch({ q: text }, { replace: true });
      try {
        const answer = await runSql(text, mine.signal);
        if (latest.current === mine) setOutcome(answer);
      } catch (error) {
        if (!mine.signal.aborted) setOutcome({ kind: 'problem', message: String(error) });
      } finally {
        if (latest.current === mine) setRunning(null);
      }
    },
    [setSearch],
  );
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void run(sql);
  };
  return (
    <main className="page sql">
      <div className="head">
        <h1>SQL</h1>
        <span className="faint">read-only ClickHouse SQL over every run</span>
      </div>
      <div className="sql-ask">
        <div className="sql-write">
          <textarea
            ref={field}
            className="field mono"
            aria-label="SQL"
            aria-describedby="sql-keys"
            data-testid="sql"
            rows={9}
            spellCheck={false}
            autoFocus
            value={sql}
            onChange={(event) => setSql(event.target.value)}
            onKeyDown={onKeyDown}
          />
          <div className="row">
            <button
              type="button"
              className="button primary"
              data-testid="sql-run"
              disabled={sql.trim() === ''}
              onClick={() => void run(sql)}
            >
              Run
            </button>
            {running !== null && (
              <>
                <button type="button" className="button" onClick={() => (running.abort(), setRunning(null))}>
                  Stop
                </button>
                <span className="spinner" role="status" aria-label="Running" />
              </>
            )}
            <span className="faint small" id="sql-keys">
              Ctrl + Enter runs it
            </span>
          </div>
        </div>
        <aside className="sql-help" aria-label="Examples and views">
          <h2>Examples</h2>
          <div className="row">
            {examples.map((example) => (
              <button
                key={example.title}
                type="button"
                className="button small"
                onClick={() => {
                  setSql(example.sql);
                  field.current?.focus();
                  void run(example.sql);
                }}
              >
                {example.title}
              </button>
            ))}
          </div>
          <h2>Views</h2>
          <dl>
            {views.map((view) => (
              <div key={view.name}>
                <dt className="mono">{view.name}</dt>
                <dd className="dim small">{view.columns}</dd>
              </div>
            ))}
          </dl>
        </aside>
      </div>
      <section aria-label="Answer" aria-busy={running !== null} className={running === null ? '' : 'sql-waits'}>
        {outcome === null ? (
          running === null && <Empty>Run a query, or take an example.</Empty>
        ) : outcome.kind === 'table' && outcome.rows.length === 0 ? (
          <Empty>No rows. The query is right; nothing matches it.</Empty>
        ) : (
          <Outcome outcome={outcome} />
        )}
      </section>
    </main>
  );
}
