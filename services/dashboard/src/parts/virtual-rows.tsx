import { useEffect, useRef, useState, type ReactElement, type ReactNode, type RefObject } from 'react';

interface Props<Row> {
  rows: readonly Row[];
  rowHeight: number;
  columns: number;
  scroller: RefObject<HTMLElement | null>;
  row: (row: Row, index: number) => ReactNode;
  onNearEnd?: () => void;
}

/**
 * The rows of a table body that are in sight, with two spacer rows for the rest: ten thousand rows cost what forty do.
 * The scroller is the element with the scroll bar; all rows have one height.
 */
export function VirtualRows<Row>(props: Props<Row>): ReactElement {
  const { rows, rowHeight, scroller, onNearEnd } = props;
  const [view, setView] = useState({ top: 0, height: 800 });
  const frame = useRef(0);

  // An effect, not a layout effect: the scroller is a parent, whose ref is set after its children's layout effects.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const measure = (): void => {
      cancelAnimationFrame(frame.current);
      frame.current = requestAnimationFrame(() =>
        setView((before) =>
          before.top === element.scrollTop && before.height === element.clientHeight
            ? before
            : { top: element.scrollTop, height: element.clientHeight },
        ),
      );
    };
    measure();
    element.addEventListener('scroll', measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      cancelAnimationFrame(frame.current);
      element.removeEventListener('scroll', measure);
      observer.disconnect();
    };
  }, [scroller]);

  const overscan = 12;
  const first = Math.max(0, Math.floor(view.top / rowHeight) - overscan);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + overscan);
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
