import type { ReactElement, ReactNode } from 'react';
import type { Trouble } from '../data/client.js';
import { formatterOf } from '../format/units.js';

interface Props {
  metric: string;
  last?: number | null;
  note?: ReactNode;
  trouble: Trouble | null;
  loading: boolean;
  empty: boolean;
  children: ReactNode;
}

/** Title, newest value, and an honest word when there is no picture or it is old. */
export function ChartFrame(props: Props): ReactElement {
  const { trouble } = props;
  const away = trouble?.kind === 'unreachable';
  const pictured = !props.loading && !props.empty;
  return (
    <>
      <header>
        <h3 className="mono clip" title={props.metric}>
          {props.metric}
        </h3>
        {props.note}
        {props.last !== null && props.last !== undefined && (
          <span className="last">{formatterOf(props.metric)(props.last)}</span>
        )}
      </header>
      {props.children}
      {trouble !== null && (
        <p className={pictured ? 'chart-word small over' : 'chart-word'} role="alert">
          {away ? 'Server unreachable, reconnecting…' : trouble.message}
        </p>
      )}
      {trouble === null && props.loading && <div className="chart-word skeleton" aria-label="Loading" />}
      {trouble === null && props.empty && <p className="chart-word">No points here.</p>}
    </>
  );
}
