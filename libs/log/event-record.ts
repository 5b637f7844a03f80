import type { Event, EventData, EventHead, EventName, Topic } from '#libs/domain/event.js';
import { topicOf } from '#libs/domain/event-table.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { checkEvent } from '#libs/domain/validate-event.js';
import { decodePayload, encodePayload, isEventName } from '#libs/domain/wire/payload-codec.js';
import { decodedEvents } from '#libs/log/decoded-events.js';
import type { EventRecord, StoredRecord } from '#libs/log/event-log.js';

/** An event whose payload is still bytes: what doors pass on without decoding twice. */
export interface EncodedEvent extends EventHead {
  readonly name: EventName;
  readonly payload: Uint8Array;
}

/** Partition of a key: FNV-1a 32 over UTF-8, so that every process and language agrees. */
export function partitionOf(key: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % count;
}

export const eventTypeOf = (name: EventName): string => `runstream.${name}.v1`;

/** "runstream.PointsLogged.v1" -> the name, after upcasting; throws `Unreadable` for what this program does not know. */
export function readEventType(type: string): EventName {
  const match = /^runstream\.([A-Za-z]+)\.v(\d+)$/.exec(type);
  if (!match || !isEventName(match[1]!)) throw new Unreadable(`unknown event type "${type}"`);
  if (match[2] !== '1') {
    throw new Unreadable(
      `event type "${type}": version ${match[2]} is newer than this program reads (1); upgrade Runstream, then run "runstream rebuild"`,
    );
  }
  return match[1];
}

export function encodeEvent<Name extends EventName>(head: EventHead, name: Name, data: EventData[Name]): EncodedEvent {
  return { ...head, name, payload: encodePayload(name, data) };
}

/** Telemetry of a run is spread over this many keys, by rank; a constant, so that no writer needs to look anything up. */
export const telemetryShards = 16;
export const telemetryKey = (run: string, rank: number): string => `${run}/${rank % telemetryShards}`;

/** Partitions of the telemetry topic that may hold events of a run with this many ranks. */
export function telemetryPartitions(run: string, worldSize: number, count: number): readonly number[] {
  const shards = Math.min(Math.max(1, worldSize), telemetryShards);
  return [...new Set(Array.from({ length: shards }, (_, shard) => partitionOf(telemetryKey(run, shard), count)))].sort(
    (a, b) => a - b,
  );
}

/** Record for the log: CloudEvents binary mode. Telemetry is keyed by run and shard, everything else by its subject. */
export function toRecord(event: EncodedEvent, partitionCount: (topic: Topic) => number): EventRecord {
  const topic = topicOf(event.name);
  const key = topic === 'telemetry' ? telemetryKey(event.subject, event.writer?.rank ?? 0) : event.subject;
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: eventTypeOf(event.name),
    ce_source: event.source,
    ce_subject: event.subject,
    ce_time: new Date(event.timeMs).toISOString(),
  };
  if (event.writer) {
    const { id, attempt, rank, seq } = event.writer;
    headers['ce_writer'] = `${id} ${attempt} ${rank} ${seq}`;
  }
  if (event.reply) headers['ce_reply'] = '1';
  const partition = topic === 'catalog' ? 0 : partitionOf(key, partitionCount(topic));
  return { topic, partition, key, headers, value: event.payload };
}

/** The envelope alone: cheap, no payload is touched. */
export function readHead(record: EventRecord): EventHead & { readonly name: EventName } {
  const { headers } = record;
  const timeMs = Date.parse(headers['ce_time'] ?? '');
  if (!headers['ce_id'] || !headers['ce_type']) throw new Unreadable('record without ce_id or ce_type header');
  if (Number.isNaN(timeMs)) throw new Unreadable(`ce_time "${headers['ce_time']}" is not a time`);
  const name = readEventType(headers['ce_type']);
  if (topicOf(name) !== record.topic) throw new Unreadable(`${name} does not belong on topic ${record.topic}`);
  const writer = headers['ce_writer'] === undefined ? null : readWriter(headers['ce_writer']);
  return {
    name,
    id: headers['ce_id'],
    source: headers['ce_source'] ?? '',
    subject: headers['ce_subject'] ?? '',
    timeMs,
    writer,
    reply: headers['ce_reply'] === '1',
  };
}

function readWriter(text: string): EventHead['writer'] {
  const match = /^(\S{1,64}) (\d{1,7}) (\d{1,7}) (\d{1,15})$/.exec(text);
  if (!match) throw new Unreadable(`ce_writer "${text}" is not "id attempt rank seq"`);
  return { id: match[1]!, attempt: Number(match[2]), rank: Number(match[3]), seq: Number(match[4]) };
}

/** The whole event. Decoded once per record, as long as it is among the newest, so that all readers of one process share the work. */
export function readEvent(record: StoredRecord): Event {
  const known = decodedEvents.get(record.value);
  if (known?.event && known.headers === record.headers) return known.event;
  const head = readHead(record);
  const event = { ...head, data: known?.data ?? decodePayload(head.name, record.value) } as Event;
  decodedEvents.remember(record.value, { data: event.data, event, headers: record.headers });
  return event;
}

const checked = new WeakSet<Event>();

/** The whole event, within all limits of the wire: a record may come from a producer that no door has looked at. Checked once. */
export function readValidEvent(record: StoredRecord): Event {
  const event = readEvent(record);
  if (checked.has(event)) return event;
  try {
    checkEvent(event);
  } catch (error) {
    // also what a check did not foresee: one record must not hold up all that come after it
    throw new Unreadable((error as Error).message);
  }
  checked.add(event);
  return event;
}
