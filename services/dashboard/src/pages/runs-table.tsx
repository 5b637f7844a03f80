import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type ReactElement, type RefObject } from 'react';
import { ofKey } from '../data/per-key.js';
import { nameOf } from '../format/format.js';
import { VirtualRows } from '../parts/virtual-rows.js';
import { arranged, columnId, moved, resized, shifted, type Column } from './columns.js';
import { numeric, RunCell } from './run-cell.js';
import { HeadCell } from './table-head.js';
import type { RunRow } from './use-runs-pages.js';

interface Props {
  rows: readonly RunRow[];
  columns: readonly Column[];
  /** The metrics that the rows were asked for, in the order of the question. */
  metricKeys: readonly string[];
  now: number;
  orderBy: string;
  order: (orderBy: string) => void;
  arrange: (columns: Column[]) => void;
  loadMore: () => void;
  chosen: ReadonlySet<string>;
  /** `range`: with all between the one chosen last and this one. */
  choose: (id: string, chosen: boolean, range: boolean) => void;
  chooseAll: (chosen: boolean) => void;
}

const chooserWidth = 36;

interface Seen {
  /** Those that stay at the left, with where; then those in sight. */
  columns: readonly { column: Column; left: number | null }[];
  before: number;
  after: number;
  pinnedCount: number;
}

/** Three hundred columns cost what a dozen do: those out of sight are two empty cells, one on each side. */
function useSeenColumns(columns: readonly Column[], scroller: RefObject<HTMLElement | null>): Seen {
  const list = useMemo(() => arranged(columns), [columns]);
  const pinned = list.filter((column) => column.pinned);
  const others = list.filter((column) => !column.pinned);
  const pinnedWidth = pinned.reduce((sum, { width }) => sum + width, chooserWidth);
  const virtual = useVirtualizer({
    horizontal: true,
    count: others.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => others[at]!.width,
    initialRect: { width: 1600, height: 0 },
    scrollMargin: pinnedWidth,
    overscan: 3,
  });
  const widths = others.map(({ width }) => width).join();
  useEffect(() => virtual.measure(), [virtual, widths]);
  const items = virtual.getVirtualItems();
  let left = chooserWidth;
  const stuck = pinned.map((column) => {
    const at = left;
    left += column.width;
    return { column, left: at };
  });
  const seen = items.flatMap(({ index }) => {
    const column = others[index];
    return column === undefined ? [] : [{ column, left: null }];
  });
  const width = (some: readonly Column[]): number => some.reduce((sum, each) => sum + each.width, 0);
  return {
    columns: [...stuck, ...seen],
    before: width(others.slice(0, items[0]?.index ?? 0)),
    after: width(others.slice((items.at(-1)?.index ?? -1) + 1)),
    pinnedCount: stuck.length,
  };
}

interface RowProps {
  run: RunRow;
  seen: Seen;
  metricAt: ReadonlyMap<string, number>;
  now: number;
  chosen: boolean;
  choose: Props['choose'];
}

function Row(props: RowProps): ReactElement {
  const { run, seen, metricAt, now } = props;
  const cells = seen.columns.map(({ column, left }) => {
    const at = column.kind === 'metrics' ? metricAt.get(column.key) : undefined;
    const name = column.kind === 'attributes' && column.key === 'name';
    return (
      <td
        key={columnId(column)}
        className={`clip ${numeric(column) ? 'num' : ''} ${left === null ? '' : 'pinned'} ${name ? 'main-cell' : ''} ${
          column.kind === 'params' || column.kind === 'tags' ? 'mono' : ''
        }`}
        style={left === null ? undefined : { left }}
      >
        <RunCell run={run} column={column} metric={at === undefined ? undefined : ofKey(run, 'm', at)} now={now} />
      </td>
    );
  });
  return (
    <tr data-testid={`run-row-${run.id}`} aria-selected={props.chosen}>
      <td className="chooser pinned">
        <input
          type="checkbox"
          aria-label={`Choose ${nameOf(run)}`}
          checked={props.chosen}
          onChange={(event) =>
            props.choose(
              run.id,
              event.target.checked,
              event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey,
            )
          }
        />
      </td>
      {cells.slice(0, seen.pinnedCount)}
      <td className="spacer" />
      {cells.slice(seen.pinnedCount)}
      <td className="spacer" />
    </tr>
  );
}

export function RunsTable(props: Props): ReactElement {
  const { columns, arrange, rows, chosen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const seen = useSeenColumns(columns, scroller);
  const metricAt = useMemo(() => new Map(props.metricKeys.map((key, at) => [key, at])), [props.metricKeys]);
  const all = rows.length > 0 && rows.every(({ id }) => chosen.has(id));
  const some = !all && rows.some(({ id }) => chosen.has(id));
  const heads = seen.columns.map(({ column, left }) => (
    <HeadCell
      key={columnId(column)}
      column={column}
      left={left}
      orderBy={props.orderBy}
      order={props.order}
      resize={(id, width) => arrange(resized(columns, id, width))}
      move={(id, to) => arrange(moved(columns, id, to))}
      shift={(id, by) => arrange(shifted(columns, id, by))}
    />
  ));
  const cols = seen.columns.map(({ column }) => <col key={columnId(column)} style={{ width: column.width }} />);
  return (
    <div className="card table-card scroller" ref={scroller} tabIndex={0} role="region" aria-label="Runs">
      <table
        className="fixed arranged"
        style={{ minWidth: columns.reduce((sum, { width }) => sum + width, chooserWidth) }}
        data-testid="runs"
      >
        <colgroup>
          <col style={{ width: chooserWidth }} />
          {cols.slice(0, seen.pinnedCount)}
          <col style={{ width: seen.before }} />
          {cols.slice(seen.pinnedCount)}
          {/* takes what a wide window has left */}
          <col style={seen.after > 0 ? { width: seen.after } : undefined} />
        </colgroup>
        <thead>
          <tr>
            <th className="chooser pinned">
              <input
                type="checkbox"
                aria-label="Choose all that are loaded"
                checked={all}
                ref={(box) => {
                  if (box !== null) box.indeterminate = some;
                }}
                onChange={(event) => props.chooseAll(event.target.checked)}
              />
            </th>
            {heads.slice(0, seen.pinnedCount)}
            <th aria-hidden="true" className="spacer" />
            {heads.slice(seen.pinnedCount)}
            <th aria-hidden="true" className="spacer" />
          </tr>
        </thead>
        <VirtualRows
          rows={rows}
          rowHeight={33}
          columns={seen.columns.length + 3}
          scroller={scroller}
          onNearEnd={props.loadMore}
          row={(run) => (
            <Row
              key={run.id}
              run={run}
              seen={seen}
              metricAt={metricAt}
              now={props.now}
              chosen={chosen.has(run.id)}
              choose={props.choose}
            />
          )}
        />
      </table>
    </div>
  );
}
