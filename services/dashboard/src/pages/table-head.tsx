import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactElement } from 'react';
import { columnId, columnTitle, orderField, type Column } from './columns.js';
import { numeric } from './run-cell.js';

export function nextOrder(current: string, by: string): string {
  const name = current.replace(/ (asc|desc)$/, '');
  const first = by.startsWith('attributes.started_at') ? 'desc' : 'asc';
  if (name !== by) return `${by} ${first}`;
  return current.endsWith(' desc') ? `${by} asc` : `${by} desc`;
}

interface Props {
  column: Column;
  /** Where a pinned column stays, in px. */
  left: number | null;
  orderBy: string;
  order: (orderBy: string) => void;
  resize: (id: string, width: number) => void;
  move: (id: string, to: string) => void;
  shift: (id: string, by: -1 | 1) => void;
}

/** Its title sorts; it is dragged to another place (Alt with an arrow by keyboard); its edge is dragged to another width (arrows). */
export function HeadCell(props: Props): ReactElement {
  const { column, orderBy } = props;
  const id = columnId(column);
  const by = orderField(column);
  const title = columnTitle(column);
  const active = by !== null && orderBy.replace(/ (asc|desc)$/, '') === by;
  const descending = orderBy.endsWith(' desc');
  const [over, setOver] = useState(false);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!event.altKey || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return;
    event.preventDefault();
    props.shift(id, event.key === 'ArrowLeft' ? -1 : 1);
  };
  const words = (
    <>
      <span className={column.kind === 'attributes' ? '' : 'mono'}>{title}</span>
      <span aria-hidden="true">{active ? (descending ? ' ↓' : ' ↑') : ''}</span>
    </>
  );
  return (
    <th
      className={`${numeric(column) ? 'num' : ''} ${props.left === null ? '' : 'pinned'} ${over ? 'drop' : ''}`}
      style={props.left === null ? undefined : { left: props.left }}
      aria-sort={active ? (descending ? 'descending' : 'ascending') : undefined}
      data-column={id}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes('text/runstream-column')) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        props.move(event.dataTransfer.getData('text/runstream-column'), id);
      }}
    >
      <button
        type="button"
        className="sort clip"
        title={`${title}${by === null ? '' : ' – click to sort'}, drag or Alt+arrow to move`}
        draggable
        onDragStart={(event) => event.dataTransfer.setData('text/runstream-column', id)}
        onKeyDown={onKeyDown}
        onClick={() => by !== null && props.order(nextOrder(orderBy, by))}
      >
        {words}
      </button>
      <Edge title={title} width={column.width} resize={(width) => props.resize(id, width)} />
    </th>
  );
}

const keyStep = 16;

function Edge(props: { title: string; width: number; resize: (width: number) => void }): ReactElement {
  const held = useRef<{ x: number; width: number } | null>(null);
  return (
    <span
      role="separator"
      tabIndex={0}
      className="edge"
      aria-orientation="vertical"
      aria-label={`Width of ${props.title}`}
      aria-valuenow={props.width}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -keyStep, ArrowRight: keyStep }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        props.resize(props.width + by);
      }}
      onPointerDown={(event: PointerEvent<HTMLElement>) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = { x: event.clientX, width: props.width };
      }}
      onPointerMove={(event) => {
        if (held.current !== null) props.resize(held.current.width + event.clientX - held.current.x);
      }}
      onPointerUp={() => {
        held.current = null;
      }}
    />
  );
}
