import type { EventHead, EventName } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection, Unreadable } from '#libs/domain/rejection.js';
import { checkData, checkHead } from '#libs/domain/validate-event.js';
import { readJsonPayload } from '#libs/domain/wire/json-payload.js';
import { decodePayload } from '#libs/domain/wire/payload-codec.js';
import { readEventBatch, type WireEvent } from '#libs/domain/wire/batch-codec.js';
import { decodedEvents } from '#libs/log/decoded-events.js';
import { encodeEvent, readEventType, type EncodedEvent } from '#libs/log/event-record.js';

/** One event of a request: ready to append, or why not. A refused one does not lose its neighbours. */
export type ReadEvent =
  { readonly id: string; readonly event: EncodedEvent } | { readonly id: string; readonly rejection: Rejection };

/** Reads one event of a batch; each is called once, in order, so that others can have a turn between them. */
export type EventReader = () => ReadEvent;

/** Far more than an event within the limits has. */
const eventFieldsMax = 200_000;

/** A Protobuf batch; throws a `Rejection` only when the frame itself can't be read. */
export function protobufEventReaders(body: Uint8Array, nowMs: number): readonly EventReader[] {
  let events: readonly WireEvent[];
  try {
    events = readEventBatch(body);
  } catch (error) {
    throw new Rejection('INVALID_ARGUMENT', `body: not a Protobuf EventBatch: ${(error as Error).message}`, 'body');
  }
  checkCount(events.length);
  return events.map((event, index) => () => guarded(event.id, index, () => readProtobufEvent(event, nowMs)));
}

function readProtobufEvent(event: WireEvent, nowMs: number): EncodedEvent {
  const name = nameOf(event.type);
  if (event.data.length > limits.eventBytesMax) {
    throw new Rejection(
      'TOO_LARGE',
      `data: ${event.data.length} bytes; at most ${limits.eventBytesMax} are allowed per event; send smaller batches`,
      'data',
    );
  }
  const head: EventHead = {
    id: event.id,
    source: event.source,
    subject: event.subject,
    timeMs: event.timeMs || nowMs,
    writer: event.writer,
    reply: event.reply,
  };
  checkHead(head, name);
  const data = decodePayload(name, event.data, eventFieldsMax);
  checkData(name, data);
  decodedEvents.remember(event.data, { data });
  return { ...head, name, payload: event.data };
}

/** One CloudEvent in JSON, or a list of them. */
export function jsonEventReaders(body: unknown, nowMs: number, newId: () => string): readonly EventReader[] {
  const list = Array.isArray(body) ? body : [body];
  checkCount(list.length);
  return list.map((item: unknown, index) => () => {
    const id =
      typeof item === 'object' && item !== null && typeof (item as { id?: unknown }).id === 'string'
        ? (item as { id: string }).id
        : '';
    return guarded(id, index, () => readJsonEvent(item, nowMs, newId));
  });
}

function readJsonEvent(item: unknown, nowMs: number, newId: () => string): EncodedEvent {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new Rejection('INVALID_ARGUMENT', 'event: must be an object', 'event');
  const json = item as Record<string, unknown>;
  const text = (field: string, fallback?: string): string => {
    const value = json[field] ?? fallback;
    if (typeof value !== 'string') throw new Rejection('INVALID_ARGUMENT', `${field}: must be a string`, field);
    return value;
  };
  for (const field of Object.keys(json)) {
    if (!knownAttributes.has(field))
      throw new Rejection(
        'INVALID_ARGUMENT',
        `${field}: unknown attribute; known are ${[...knownAttributes].join(', ')}`,
        field,
      );
  }
  if (json['specversion'] !== undefined && json['specversion'] !== '1.0') {
    throw new Rejection('UNSUPPORTED_VERSION', 'specversion: only CloudEvents 1.0 is understood', 'specversion');
  }
  const name = nameOf(text('type'));
  const time = json['time'] === undefined ? nowMs : withOffset.test(text('time')) ? Date.parse(text('time')) : NaN;
  if (Number.isNaN(time))
    throw new Rejection(
      'INVALID_ARGUMENT',
      `time: "${text('time').slice(0, 80)}" is not an RFC 3339 time such as 2026-01-31T12:00:00.000Z`,
      'time',
    );
  const head: EventHead = {
    id: text('id', newId()),
    source: text('source', 'http'),
    subject: text('subject', ''),
    timeMs: time,
    writer: json['writer'] === undefined ? null : readWriterText(text('writer')),
    reply: readReply(json['reply']),
  };
  checkHead(head, name);
  const data =
    json['data_base64'] === undefined
      ? readJsonPayload(name, json['data'])
      : decodePayload(name, Buffer.from(text('data_base64'), 'base64'), eventFieldsMax);
  checkData(name, data);
  const event = encodeEvent(head, name, data as never);
  if (event.payload.length > limits.eventBytesMax) {
    throw new Rejection(
      'TOO_LARGE',
      `data: ${event.payload.length} bytes encoded; at most ${limits.eventBytesMax} are allowed per event`,
      'data',
    );
  }
  return event;
}
const knownAttributes = new Set([
  'specversion',
  'id',
  'type',
  'source',
  'subject',
  'time',
  'datacontenttype',
  'writer',
  'reply',
  'data',
  'data_base64',
]);

function readReply(value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw new Rejection('INVALID_ARGUMENT', 'reply: must be true or false', 'reply');
  return value;
}

// without an offset Date.parse would take the server's own zone, and a bare number for a year
const withOffset = /T.*(Z|[+-]\d\d:?\d\d)$/i;

function readWriterText(text: string): EventHead['writer'] {
  const match = /^(\S{1,64}) (\d{1,7}) (\d{1,7}) (\d{1,15})$/.exec(text);
  if (!match)
    throw new Rejection('INVALID_ARGUMENT', `writer: "${text.slice(0, 80)}" is not "id attempt rank seq"`, 'writer');
  return { id: match[1]!, attempt: Number(match[2]), rank: Number(match[3]), seq: Number(match[4]) };
}

function nameOf(type: string): EventName {
  try {
    return readEventType(type);
  } catch (error) {
    const known = type.startsWith('runstream.') && / version /.test((error as Error).message);
    throw new Rejection(
      known ? 'UNSUPPORTED_VERSION' : 'UNKNOWN_EVENT_TYPE',
      `type: ${(error as Error).message}`,
      'type',
    );
  }
}

function checkCount(count: number): void {
  if (count > limits.batchEventsMax) {
    throw new Rejection(
      'TOO_LARGE',
      `body: ${count} events; at most ${limits.batchEventsMax} are allowed per request`,
      'body',
    );
  }
}

function guarded(id: string, index: number, read: () => EncodedEvent): ReadEvent {
  try {
    const event = read();
    return { id: event.id, event };
  } catch (error) {
    if (error instanceof Unreadable) return { id, rejection: at(index, 'INVALID_ARGUMENT', error.message, 'data') };
    if (error instanceof Rejection)
      return { id, rejection: at(index, error.code, error.message, error.field ?? 'event') };
    throw error;
  }
}

function at(index: number, code: Rejection['code'], message: string, field: string): Rejection {
  return new Rejection(code, `events[${index}].${message}`, `events[${index}].${field}`);
}
