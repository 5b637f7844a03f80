import type { ReactElement } from 'react';
import { lineColor } from '../charts/palette.js';
import { useTheme } from '../theme/theme.js';

/** A rank has one colour on the whole page, so one legend serves all charts. */
export function RankLegend(props: { ranks: readonly number[] }): ReactElement {
  const theme = useTheme();
  return (
    <ul className="legend" aria-label="Colours of ranks">
      {props.ranks.map((rank) => (
        <li key={rank}>
          <i aria-hidden="true" style={{ background: lineColor(theme, rank) }} />
          rank {rank}
        </li>
      ))}
    </ul>
  );
}
