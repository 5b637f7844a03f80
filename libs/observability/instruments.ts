import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Prometheus metrics of ourselves. One registry per process role set, made from nothing: no global state. */
export interface Instruments {
  readonly registry: Registry;
  readonly ingestEvents: Counter<'result'>;
  readonly ingestBytes: Counter;
  readonly ingestSeconds: Histogram;
  readonly httpRequests: Counter<'route' | 'status'>;
  readonly projectedRecords: Counter<'projection'>;
  readonly projectionSeconds: Histogram<'projection'>;
  readonly projectionLag: Gauge<'projection' | 'partition'>;
  readonly projectionStuck: Gauge<'projection' | 'partition'>;
  readonly subscribers: Gauge<'kind'>;
}

export function createInstruments(): Instruments {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'runstream_' });
  return {
    registry,
    ingestEvents: new Counter({
      name: 'runstream_ingest_events_total',
      help: 'Events by result.',
      labelNames: ['result'],
      registers,
    }),
    ingestBytes: new Counter({
      name: 'runstream_ingest_bytes_total',
      help: 'Request bytes after inflating.',
      registers,
    }),
    ingestSeconds: new Histogram({
      name: 'runstream_ingest_seconds',
      help: 'From the read request to the durable answer.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    httpRequests: new Counter({
      name: 'runstream_http_requests_total',
      help: 'HTTP requests.',
      labelNames: ['route', 'status'],
      registers,
    }),
    projectedRecords: new Counter({
      name: 'runstream_projected_records_total',
      help: 'Records applied.',
      labelNames: ['projection'],
      registers,
    }),
    projectionSeconds: new Histogram({
      name: 'runstream_projection_apply_seconds',
      help: 'Time of one applied batch.',
      labelNames: ['projection'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    projectionLag: new Gauge({
      name: 'runstream_projection_lag_records',
      help: 'Records in the log that are not yet applied.',
      labelNames: ['projection', 'partition'],
      registers,
    }),
    projectionStuck: new Gauge({
      name: 'runstream_projection_waiting',
      help: '1 while the projector waits for a store that is down.',
      labelNames: ['projection', 'partition'],
      registers,
    }),
    subscribers: new Gauge({
      name: 'runstream_subscribers',
      help: 'Live subscriptions.',
      labelNames: ['kind'],
      registers,
    }),
  };
}
