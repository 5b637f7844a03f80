import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import type { EventOf } from '#libs/domain/event.js';
import { int64Column } from '../tables/growable-column.js';
import { nameHash } from '../metric-names.js';

/** Console lines of a batch of events as columns. */
export class LineColumns {
  readonly #run: bigint[] = [];
  readonly #time: number[] = [];
  readonly #rank: number[] = [];
  readonly #attempt: number[] = [];
  readonly #writer: string[] = [];
  readonly #number: number[] = [];
  readonly #stream: string[] = [];
  readonly #text: string[] = [];

  get rows(): number {
    return this.#run.length;
  }

  add(event: EventOf<'LinesLogged'>): void {
    const run = nameHash(event.subject);
    // without a writer the numbers are counted per event
    const writer = event.writer ?? { id: event.id, attempt: 1, rank: 0 };
    for (const line of event.data.lines) {
      this.#run.push(run);
      this.#time.push(line.timeMs);
      this.#rank.push(writer.rank);
      this.#attempt.push(writer.attempt);
      this.#writer.push(writer.id);
      this.#number.push(line.number);
      this.#stream.push(line.stream);
      this.#text.push(line.text);
    }
  }

  blockColumns(): BlockColumn[] {
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(this.#run) },
      { name: 'time', type: 'Int64', data: int64Column(Float64Array.from(this.#time)) },
      { name: 'rank', type: 'UInt32', data: Uint32Array.from(this.#rank) },
      { name: 'attempt', type: 'UInt16', data: Uint16Array.from(this.#attempt) },
      { name: 'writer', type: 'String', data: this.#writer },
      { name: 'number', type: 'UInt64', data: new BigUint64Array(int64Column(Float64Array.from(this.#number)).buffer) },
      { name: 'stream', type: 'String', data: this.#stream },
      { name: 'text', type: 'String', data: this.#text },
    ];
  }
}
