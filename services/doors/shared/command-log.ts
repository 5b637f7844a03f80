import { createHash } from 'node:crypto';
import type { Backend } from '#libs/backend/backend.js';
import { topics, type EventData, type EventName, type Writer } from '#libs/domain/event.js';
import { partitionName } from '#libs/domain/position-token.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import { limits } from '#libs/domain/limits.js';
import { checkData, checkHead } from '#libs/domain/validate-event.js';
import { decodedEvents } from '#libs/log/decoded-events.js';
import { encodeEvent, partitionOf, telemetryKey, toRecord, type EncodedEvent } from '#libs/log/event-record.js';
import type { Verdict } from '#libs/runs/run-table.js';

/** How long a read waits for what was written before. */
const readYourWritesMs = 15_000;

export interface Said<Name extends EventName = EventName> {
  readonly name: Name;
  readonly subject: string;
  readonly data: EventData[Name];
  readonly timeMs?: number;
  /** What identifies the event across repetitions; a new one when absent. */
  readonly id?: string;
  /** Absent: nobody who numbers what he says. */
  readonly writer?: Writer;
}

export type Accepted = Extract<Verdict, { readonly accepted: true }>;

/** Of all APIs of this process: a program may write through one and read through another. */
const endsOf = new WeakMap<Backend, Map<string, number>>();

/**
 * How a compatibility API speaks to the log, and what it remembers so that clients read their writes: where the newest record of each
 * partition lies that was acknowledged here. Where other processes write to the same log, their clients may be ours: the log itself is
 * asked.
 */
export class CommandLog {
  /** Other processes may have written since: what was read before is not believed. */
  readonly shared: boolean;
  private readonly ends: Map<string, number>;

  /** `source`: whose API it is, as events say it. */
  constructor(
    private readonly backend: Backend,
    private readonly source: string,
  ) {
    this.shared = backend.configuration.log.kind !== 'file';
    this.ends = endsOf.get(backend) ?? new Map<string, number>();
    endsOf.set(backend, this.ends);
  }

  /** Appends and resolves when durable. */
  async tell(...events: readonly Said[]): Promise<void> {
    if (events.length > 0) await this.append(events.map((event) => this.encode(event, false)));
  }

  /** Appends one command and resolves with the number its fold gave it; a refusal is thrown. */
  async command<Name extends EventName>(event: Said<Name>): Promise<number | null> {
    return (await this.decide(event)).number ?? null;
  }

  /** The same with all that the fold says. */
  async decide<Name extends EventName>(event: Said<Name>): Promise<Accepted> {
    const encoded = this.encode(event, true);
    await this.append([encoded]);
    const verdict = await this.backend.verdict(encoded.id);
    if (verdict === null) throw new Unavailable('the command is durable, but not applied yet; ask again later', 2_000);
    if (!verdict.accepted) throw verdict.rejection;
    return verdict;
  }

  /** Resolves when the run tables contain every command about projects and registered models acknowledged here before. */
  catalogSettled(): Promise<void> {
    return this.reached((name) => name.startsWith('catalog/'), ['runs']);
  }

  /** The same for everything about these subjects; `points` where the metric store is read. */
  subjectsSettled(subjects: readonly string[], projections: readonly string[] = ['runs']): Promise<void> {
    const { log } = this.backend;
    const names = new Set(
      subjects.flatMap((subject) => [
        partitionName('runs', partitionOf(subject, log.partitionCount('runs'))),
        partitionName('telemetry', partitionOf(telemetryKey(subject, 0), log.partitionCount('telemetry'))),
      ]),
    );
    return this.reached((name) => names.has(name), projections);
  }

  /** The same of all that is in the log now, whoever wrote it: also what was acknowledged before this process began. */
  async subjectSettledAsOfNow(subject: string): Promise<void> {
    const { log } = this.backend;
    const partition = partitionOf(subject, log.partitionCount('runs'));
    const { end } = (await log.ranges('runs'))[partition]!;
    await this.backend.progress.waitFor(['runs'], new Map([[partitionName('runs', partition), end]]), readYourWritesMs);
  }

  /** The same for everything. */
  settled(): Promise<void> {
    return this.reached(() => true, ['runs']);
  }

  private async reached(concerns: (partition: string) => boolean, projections: readonly string[]): Promise<void> {
    const ends = this.shared ? await this.endsOfAll() : this.ends;
    const token = new Map([...ends].filter(([name]) => concerns(name)));
    if (token.size > 0) await this.backend.progress.waitFor(projections, token, readYourWritesMs);
  }

  private async endsOfAll(): Promise<ReadonlyMap<string, number>> {
    const ranges = await Promise.all(topics.map((topic) => this.backend.log.ranges(topic)));
    return new Map(ranges.flat().map(({ topic, partition, end }) => [partitionName(topic, partition), end]));
  }

  private encode({ name, subject, data, timeMs, id, writer }: Said, reply: boolean): EncodedEvent {
    const head = {
      id: id ?? this.backend.newId(),
      source: this.source,
      subject,
      timeMs: timeMs ?? this.backend.clock(),
      writer: writer ?? null,
      reply,
    };
    checkHead(head, name);
    checkData(name, data);
    const event = encodeEvent(head, name, data);
    if (event.payload.length > limits.eventBytesMax)
      throw new Rejection(
        'TOO_LARGE',
        `the request makes a record of ${event.payload.length} bytes; at most ${limits.eventBytesMax} are allowed`,
      );
    decodedEvents.remember(event.payload, { data });
    return event;
  }

  private async append(events: readonly EncodedEvent[]): Promise<void> {
    const { log } = this.backend;
    const positions = await log.append(events.map((event) => toRecord(event, (topic) => log.partitionCount(topic))));
    for (const { topic, partition, offset } of positions) {
      const name = partitionName(topic, partition);
      this.ends.set(name, Math.max(this.ends.get(name) ?? 0, offset + 1));
    }
  }
}

/** The same id for the same content, so that a body that is sent again is known again. */
export const contentId = (source: string, kind: string, content: Uint8Array): string =>
  `${source}:${kind}:${createHash('sha256').update(content).digest('hex').slice(0, 40)}`;
