import type { Writer } from '#libs/domain/event.js';
import { boundedReader } from './bounded-reader.js';
import { runstream } from './generated/runstream.js';

const wire = runstream.v1;

/** One event as it travels in an EventBatch; `data` are the payload's bytes, a view on the body. */
export interface WireEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  /** Unix ms; 0: when it was received. */
  readonly timeMs: number;
  readonly writer: Writer | null;
  readonly data: Uint8Array;
  readonly reply: boolean;
}

export interface WireResult {
  readonly id: string;
  readonly status: 'accepted' | 'refused';
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly field?: string | undefined;
  readonly position?: string | undefined;
  readonly attempt?: number | undefined;
  readonly attemptStartedAtMs?: number | undefined;
  readonly nextStep?: number | undefined;
  readonly hasNextStep?: boolean | undefined;
}

/** Far more than the most events that are taken have. */
const batchFieldsMax = 500_000;

/** Throws when the bytes are not an EventBatch. */
export function readEventBatch(bytes: Uint8Array): readonly WireEvent[] {
  return wire.EventBatch.decode(boundedReader(bytes, batchFieldsMax)).events as unknown as readonly WireEvent[];
}

export function writeEventBatch(events: readonly WireEvent[]): Uint8Array {
  return wire.EventBatch.encode({ events: events as never }).finish();
}

export function writeEventResults(results: readonly WireResult[], position: string): Uint8Array {
  return wire.EventResults.encode({ results: results as never, position }).finish();
}

export function readEventResults(bytes: Uint8Array): {
  readonly results: readonly WireResult[];
  readonly position: string;
} {
  return wire.EventResults.decode(bytes) as unknown as { results: readonly WireResult[]; position: string };
}
