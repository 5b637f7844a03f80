import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useState, type ReactElement, type ReactNode, type RefObject } from 'react';

interface Props<Row> {
  rows: readonly Row[];
  rowHeight: number;
  columns: number;
  scroller: RefObject<HTMLElement | null>;
  row: (row: Row, index: number) => ReactNode;
  onNearEnd?: () => void;
}

const overscan = 12;

/**
 * The rows of a table body that are in sight, with two spacer rows for the rest: ten thousand rows cost what forty do.
 * The scroller is the element with the scroll bar; all rows have one height.
 */
export function VirtualRows<Row>(props: Props<Row>): ReactElement {
  const { rows, rowHeight, scroller, onNearEnd } = props;
  // the scroller is a parent, whose ref is set after its children's layout effects: it is looked for once more
  const [, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    initialRect: { width: 0, height: 800 },
    overscan,
  });
  const seen = virtual.getVirtualItems();
  const first = seen[0]?.index ?? 0;
  const end = (seen.at(-1)?.index ?? -1) + 1;
  const nearEnd = end >= rows.length - 20;
  useEffect(() => {
    if (nearEnd) onNearEnd?.();
  }, [nearEnd, rows.length, onNearEnd]);

  return (
    <tbody>
      {first > 0 && (
        <tr aria-hidden="true" style={{ height: first * rowHeight }}>
          <td colSpan={props.columns} className="spacer" />
        </tr>
      )}
      {rows.slice(first, end).map((row, i) => props.row(row, first + i))}
      {end < rows.length && (
        <tr aria-hidden="true" style={{ height: (rows.length - end) * rowHeight }}>
          <td colSpan={props.columns} className="spacer" />
        </tr>
      )}
    </tbody>
  );
}
