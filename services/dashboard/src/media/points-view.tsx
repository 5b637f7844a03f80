import { useEffect, useMemo, useRef, useState, type PointerEvent, type ReactElement } from 'react';
import { plural } from '../format/format.js';
import { readPoints } from './parsed.js';

const side = 360;
const turnPerPx = 0.01;

/** Points in space on a canvas: dragged to turn them, the nearer ones larger. */
export function PointsView(props: { text: string }): ReactElement {
  const found = useMemo(() => readPoints(props.text), [props.text]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [turn, setTurn] = useState({ yaw: 0.6, pitch: 0.4 });
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !found || !canvas.current) return;
    draw(context, found.points, turn, getComputedStyle(canvas.current).color);
  }, [found, turn]);
  if (!found) return <div className="notice">These points can’t be read.</div>;
  const drag = (event: PointerEvent): void => {
    if (event.buttons === 0) return;
    setTurn(({ yaw, pitch }) => ({
      yaw: yaw + event.movementX * turnPerPx,
      pitch: Math.min(1.57, Math.max(-1.57, pitch + event.movementY * turnPerPx)),
    }));
  };
  return (
    <div className="points3d" data-testid="media-points">
      <canvas
        ref={canvas}
        width={side}
        height={side}
        onPointerMove={drag}
        role="img"
        aria-label={`${plural(found.points.length, 'point')} in space; drag to turn`}
      />
      <p className="small dim">{plural(found.points.length, 'point')} · drag to turn</p>
    </div>
  );
}

function draw(
  context: CanvasRenderingContext2D,
  points: readonly (readonly number[])[],
  { yaw, pitch }: { yaw: number; pitch: number },
  ink: string,
): void {
  context.clearRect(0, 0, side, side);
  if (points.length === 0) return;
  const axis = (at: number): [number, number] => {
    let [low, high] = [Infinity, -Infinity];
    for (const point of points) [low, high] = [Math.min(low, point[at]!), Math.max(high, point[at]!)];
    return [low, high];
  };
  const bounds = [axis(0), axis(1), axis(2)];
  const size = Math.max(...bounds.map(([low, high]) => high - low)) || 1;
  const [sinYaw, cosYaw, sinPitch, cosPitch] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const turned = points.map((point) => {
    const [x, y, z] = bounds.map(([low, high], at) => (point[at]! - (low + high) / 2) / size) as [
      number,
      number,
      number,
    ];
    const [across, along] = [x * cosYaw - y * sinYaw, x * sinYaw + y * cosYaw];
    return { x: across, y: z * cosPitch - along * sinPitch, near: along * cosPitch + z * sinPitch, point };
  });
  turned.sort((a, b) => b.near - a.near);
  for (const { x, y, near, point } of turned) {
    const radius = Math.max(0.6, 2.4 - near * 1.6);
    context.fillStyle = point.length >= 6 ? `rgb(${point[3]} ${point[4]} ${point[5]})` : ink;
    context.globalAlpha = 0.75;
    context.beginPath();
    context.arc(side / 2 + x * side * 0.62, side / 2 - y * side * 0.62, radius, 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
}
