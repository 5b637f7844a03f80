import type { Float64 } from './scalars.js';

/** What a `MetricFrame` carries. It is one value of type JSON in the schema, which says its shape in words only: kept by hand here. */
export interface Frame {
  cursor: string;
  snapshot: boolean;
  series: FrameSeries[];
}
export interface FrameSeries {
  key: string;
  rank: number;
  attempt: number;
  step: number[];
  value: Float64[];
  time: number[];
}
