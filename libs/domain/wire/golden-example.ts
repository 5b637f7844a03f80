import type { EventName, Writer } from '#libs/domain/event.js';
import type { WireEvent } from './batch-codec.js';
import { readJsonPayload } from './json-payload.js';
import { encodePayload } from './payload-codec.js';

interface Example {
  readonly events: readonly {
    readonly id: string;
    readonly name: EventName;
    readonly source: string;
    readonly subject: string;
    readonly timeMs: number;
    readonly writer?: Writer;
    readonly reply?: boolean;
    readonly data: unknown;
  }[];
}

/** The events of a golden example (docs/protocol/*.json) as they travel; its data is read as the JSON door reads it. */
export function readWireEvents(example: unknown): readonly WireEvent[] {
  return (example as Example).events.map((event) => ({
    id: event.id,
    type: `runstream.${event.name}.v1`,
    source: event.source,
    subject: event.subject,
    timeMs: event.timeMs,
    writer: event.writer ?? null,
    data: encodePayload(event.name, readJsonPayload(event.name, event.data)),
    reply: event.reply ?? false,
  }));
}
