import { useCallback, useMemo, useState } from 'react';
import { ofTheMachine } from '../format/units.js';
import type { ChartView } from './chart-view.js';

interface Look {
  view: ChartView;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}

/**
 * How a metric's chart is looked at. Steps of the machine are none of the training: where the others are over steps, its charts are over time
 * and have a window of their own, which `forget` opens again.
 */
export function useMachineView(look: Look): { lookAt: (key: string) => Look; forget: () => void } {
  const { view } = look;
  const apart = view.x === 'STEP' || view.kind === 'band';
  const [window, setWindow] = useState<ChartView['zoom']>(null);
  const zoom = useCallback((from: number, to: number) => setWindow({ from, to }), []);
  const forget = useCallback(() => setWindow(null), []);
  const own = useMemo<ChartView>(
    () => ({ ...view, x: view.x === 'STEP' ? 'RELATIVE' : view.x, zoom: window }),
    [view, window],
  );
  const lookAt = (key: string): Look => (apart && ofTheMachine(key) ? { view: own, zoom, reset: forget } : look);
  return { lookAt, forget };
}
