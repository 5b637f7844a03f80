import type { Event, EventData, EventName } from '#libs/domain/event.js';
import type { EventRecord } from './event-log.js';

interface Decoded {
  readonly data: EventData[EventName];
  /** Absent while only a door has read the payload. `headers` are those it was read with. */
  readonly event?: Event;
  readonly headers?: EventRecord['headers'];
}

interface Entry {
  value: Uint8Array;
  decoded: Decoded;
}

/**
 * What the newest payloads say, by the payload's own object. Decoded they take several times their bytes, so they are kept for so
 * many bytes only: enough for the door, the projections and the viewers of one process, which follow each other closely; whoever is
 * farther behind decodes again.
 */
export class DecodedEvents {
  readonly #entries = new WeakMap<Uint8Array, Entry>();
  #order: (Entry | null)[] = [];
  #oldest = 0;
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(value: Uint8Array): Decoded | undefined {
    return this.#entries.get(value)?.decoded;
  }

  remember(value: Uint8Array, decoded: Decoded): void {
    // a wire library gives one and the same empty array to whoever has none
    if (value.length === 0) return;
    const known = this.#entries.get(value);
    if (known) {
      known.decoded = decoded;
      return;
    }
    const entry: Entry = { value, decoded };
    this.#entries.set(value, entry);
    this.#order.push(entry);
    this.#bytes += value.length;
    while (this.#bytes > this.bytesMax && this.#oldest < this.#order.length) this.#forgetOldest();
    if (this.#oldest > 1_024 && this.#oldest * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#oldest);
      this.#oldest = 0;
    }
  }

  /** The log keeps a copy of its own: what is known of the original is known of it. */
  moved(from: Uint8Array, to: Uint8Array): void {
    const entry = this.#entries.get(from);
    if (!entry || from === to) return;
    this.#entries.delete(from);
    entry.value = to;
    this.#entries.set(to, entry);
  }

  #forgetOldest(): void {
    const { value } = this.#order[this.#oldest]!;
    this.#order[this.#oldest++] = null;
    this.#entries.delete(value);
    this.#bytes -= value.length;
  }
}

const decodedBytesMax = 16 * 1024 * 1024;
export const decodedEvents = new DecodedEvents(decodedBytesMax);
