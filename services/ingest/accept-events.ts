import { createHash } from 'node:crypto';
import { formatPositionToken, partitionName } from '#libs/domain/position-token.js';
import type { Rejection } from '#libs/domain/rejection.js';
import { Unavailable } from '#libs/domain/rejection.js';
import type { WireResult } from '#libs/domain/wire/batch-codec.js';
import { decodePayload } from '#libs/domain/wire/payload-codec.js';
import type { NextStep } from '#libs/backend/next-step.js';
import type { EventLog, Position } from '#libs/log/event-log.js';
import { encodeEvent, toRecord, type EncodedEvent } from '#libs/log/event-record.js';
import type { Verdict } from '#libs/runs/run-table.js';
import type { ReadEvent } from './read-events.js';

export interface AcceptedBatch {
  readonly results: readonly WireResult[];
  /** Read-your-writes token over all accepted events. */
  readonly position: string;
}

export interface EventAcceptor {
  /** Appends what can be appended, waits until it is durable (and for verdicts where asked), answers per event. */
  accept(events: readonly ReadEvent[]): Promise<AcceptedBatch>;
}

export interface EventAcceptorOptions {
  readonly log: EventLog;
  /** Resolves with the fold's verdict, or null when it did not come in time. */
  readonly verdict: (eventId: string) => Promise<Verdict | null>;
  /** Where a resumed run goes on. */
  readonly nextStep: NextStep;
  readonly clock: () => number;
}

/** Names seen are only a shortcut: appending a project twice is harmless, the fold keeps the first. */
const projectsSeenMax = 100_000;

/** The same for the same name; names may be longer than an id, and of any alphabet. */
export const projectEventId = (name: string): string =>
  `project:${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;

export function createEventAcceptor({ log, verdict, nextStep, clock }: EventAcceptorOptions): EventAcceptor {
  const seen = new Set<string>();
  const partitionCount = (topic: Parameters<EventLog['partitionCount']>[0]): number => log.partitionCount(topic);

  async function announceProjects(events: readonly EncodedEvent[]): Promise<void> {
    const names = new Set<string>();
    for (const event of events) {
      if (event.name !== 'RunStarted' && event.name !== 'RunForked') continue;
      const { project } = decodePayload<'RunStarted' | 'RunForked'>(event.name, event.payload);
      if (project !== '' && !seen.has(project)) names.add(project);
    }
    if (names.size === 0) return;
    const head = { source: 'ingest', timeMs: clock(), writer: null, reply: false };
    await log.append(
      [...names].map((name) =>
        toRecord(
          encodeEvent({ ...head, id: projectEventId(name), subject: name }, 'ProjectCreated', {
            description: '',
            tags: {},
            world: '',
            title: '',
          }),
          partitionCount,
        ),
      ),
    );
    if (seen.size > projectsSeenMax) seen.clear();
    for (const name of names) seen.add(name);
  }

  async function resumedAt(event: EncodedEvent, told: Verdict | null | undefined): Promise<Partial<WireResult>> {
    if (event.name !== 'RunStarted' || !told?.accepted || (told.attempt ?? 1) === 1) return {};
    const step = await nextStep(event.subject, told.attempt!);
    return step === null ? {} : { nextStep: step, hasNextStep: true };
  }

  return {
    async accept(events) {
      const good = events.flatMap((read) => ('event' in read ? [read.event] : []));
      await announceProjects(good);
      const positions = good.length === 0 ? [] : await log.append(good.map((event) => toRecord(event, partitionCount)));
      const answers = await Promise.all(
        good.map(async (event, index) => {
          const told = event.reply ? await verdict(event.id) : undefined;
          return { ...answered(event, positions[index]!, told), ...(await resumedAt(event, told)) };
        }),
      );
      let next = 0;
      const results = events.map((read): WireResult =>
        'rejection' in read ? refused(read.id, read.rejection) : answers[next++]!,
      );
      return { results, position: formatPositionToken(endsOf(positions)) };
    },
  };
}

function endsOf(positions: readonly Position[]): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { topic, partition, offset } of positions) {
    const name = partitionName(topic, partition);
    ends.set(name, Math.max(ends.get(name) ?? 0, offset + 1));
  }
  return ends;
}

function refused(id: string, rejection: Rejection): WireResult {
  return { id, status: 'refused', code: rejection.code, message: rejection.message, field: rejection.field };
}

function answered(event: EncodedEvent, position: Position, verdict: Verdict | null | undefined): WireResult {
  const accepted: WireResult = {
    id: event.id,
    status: 'accepted',
    position: `${partitionName(position.topic, position.partition)}@${position.offset + 1}`,
  };
  if (verdict === undefined) return accepted;
  if (verdict === null) {
    // durable, but the projector is behind: the sender repeats the same event id and asks again
    throw new Unavailable(`the verdict on event ${event.id} is not there yet; send the same event again`);
  }
  return verdict.accepted
    ? { ...accepted, attempt: verdict.attempt ?? undefined, attemptStartedAtMs: verdict.attemptStartedAtMs }
    : refused(event.id, verdict.rejection);
}
