import type { EventData, EventName, PointBlock, Writer } from '#libs/domain/event.js';
import type { StoredRecord } from '#libs/log/event-log.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';

export type SomeEvent = {
  readonly [Name in EventName]: {
    readonly name: Name;
    readonly subject: string;
    readonly data: EventData[Name];
    readonly writer?: Writer | null;
    readonly timeMs?: number;
  };
}[EventName];

export const startMs = Date.parse('2026-01-01T00:00:00Z');

/** Stored records of one partition per topic, offsets from `from` on. */
export function recordsOf(events: readonly SomeEvent[], from = 0): StoredRecord[] {
  return events.map((event, index) => {
    const head = {
      id: `event-${from + index}`,
      source: 'spec',
      subject: event.subject,
      timeMs: event.timeMs ?? startMs,
      writer: event.writer ?? null,
      reply: false,
    };
    const record = toRecord(encodeEvent(head, event.name, event.data as never), () => 1);
    return { ...record, offset: from + index, appendedAt: head.timeMs };
  });
}

export interface PointsOf {
  readonly run: string;
  readonly seq: number;
  readonly steps: readonly number[];
  /** Key -> its value at each step. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  readonly rank?: number;
  readonly attempt?: number;
  readonly times?: readonly number[] | null;
  readonly everyValue?: boolean;
  /** Steps that the program did not give. */
  readonly counted?: boolean;
  /** Unix ms when the attempt began. */
  readonly startedAt?: number;
  readonly rewindTo?: number;
  readonly writerless?: boolean;
  readonly timeMs?: number;
  readonly writerId?: string;
}

export function block(points: Pick<PointsOf, 'steps' | 'values' | 'times' | 'everyValue' | 'counted'>): PointBlock {
  return {
    keys: Object.keys(points.values),
    steps: Float64Array.from(points.steps),
    times: points.times ? Float64Array.from(points.times) : null,
    values: Float64Array.from(Object.values(points.values).flat()),
    everyValue: points.everyValue ?? false,
    counted: points.counted ?? false,
  };
}

export function points(of: PointsOf): SomeEvent {
  const [rank, attempt] = [of.rank ?? 0, of.attempt ?? 1];
  const writer = of.writerless ? null : { id: of.writerId ?? `w${rank}-${attempt}`, attempt, rank, seq: of.seq };
  const { startedAt, rewindTo } = of;
  const told = { attemptStartedAtMs: startedAt ?? 0, rewindTo: rewindTo ?? 0, hasRewindTo: rewindTo !== undefined };
  const event = { name: 'PointsLogged', subject: of.run, data: { ...told, blocks: [block(of)] }, writer } as const;
  return of.timeMs === undefined ? event : { ...event, timeMs: of.timeMs };
}

export function started(run: string, data: Partial<EventData['RunStarted']> = {}, attempt = 1, rank = 0): SomeEvent {
  return {
    name: 'RunStarted' as const,
    subject: run,
    writer: { id: `w${rank}-${attempt}`, attempt, rank, seq: 1 },
    data: {
      project: 'vision',
      name: run,
      group: '',
      jobType: '',
      user: '',
      notes: '',
      tags: {},
      params: [],
      worldSize: 1,
      launch: `launch-${attempt}`,
      fromStep: 0,
      hasFromStep: false,
      costPerHour: 0,
      labels: [],
      ...data,
    } satisfies EventData['RunStarted'],
  };
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
