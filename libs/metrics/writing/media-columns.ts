import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import type { EventOf, RichValue } from '#libs/domain/event.js';
import { int64Column } from '../tables/growable-column.js';
import { nameHash } from '../metric-names.js';
import type { AttemptRows } from './attempt-rows.js';
import { versionOf } from './event-version.js';

interface MediaRow {
  readonly run: bigint;
  readonly rank: number;
  readonly attempt: number;
  readonly version: bigint;
  readonly timeMs: number;
  readonly value: RichValue;
}

/** Values that are no numbers, of a batch of events as columns. */
export class MediaColumns {
  readonly #rows: MediaRow[] = [];

  get rows(): number {
    return this.#rows.length;
  }

  /** `attempts` is told as it is by points: an attempt that logs only images is one as well. */
  add(event: EventOf<'ValuesLogged'>, { attempts }: { readonly attempts: AttemptRows }): void {
    const { values, attemptStartedAtMs, hasRewindTo, rewindTo } = event.data;
    const run = nameHash(event.subject);
    const { attempt, rank } = event.writer ?? { attempt: 1, rank: 0 };
    attempts.add({ run, attempt, startedAt: attemptStartedAtMs, fromStep: hasRewindTo ? rewindTo : null });
    const { high, low, scale } = versionOf(event);
    const base = BigInt(high) * 2n ** 32n + BigInt(low);
    values.forEach((value, position) =>
      this.#rows.push({
        run,
        rank,
        attempt,
        version: BigInt.asUintN(64, base + BigInt(position * scale)),
        timeMs: value.timeMs || event.timeMs,
        value,
      }),
    );
  }

  blockColumns(): BlockColumn[] {
    const rows = this.#rows;
    const integers = (of: (row: MediaRow) => number): BigInt64Array => int64Column(Float64Array.from(rows, of));
    const texts = (of: (value: RichValue) => string): string[] => rows.map(({ value }) => of(value));
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(rows, ({ run }) => run) },
      { name: 'key', type: 'String', data: texts(({ key }) => key) },
      { name: 'step', type: 'Int64', data: integers(({ value }) => value.step) },
      { name: 'rank', type: 'UInt32', data: Uint32Array.from(rows, ({ rank }) => rank) },
      { name: 'attempt', type: 'UInt16', data: Uint16Array.from(rows, ({ attempt }) => attempt) },
      { name: 'place', type: 'UInt32', data: Uint32Array.from(rows, ({ value }) => value.index) },
      { name: 'version', type: 'UInt64', data: BigUint64Array.from(rows, ({ version }) => version) },
      { name: 'among', type: 'UInt32', data: Uint32Array.from(rows, ({ value }) => Math.max(1, value.count)) },
      { name: 'time', type: 'Int64', data: integers(({ timeMs }) => timeMs) },
      { name: 'kind', type: 'String', data: texts(({ kind }) => kind) },
      { name: 'mime', type: 'String', data: texts(({ mime }) => mime) },
      { name: 'text', type: 'String', data: texts(({ text }) => text) },
      { name: 'data', type: 'String', data: texts(({ data }) => Buffer.from(data).toString('base64')) },
      { name: 'digest', type: 'String', data: texts(({ digest }) => digest) },
      { name: 'size', type: 'UInt64', data: BigUint64Array.from(rows, ({ value }) => BigInt(value.sizeBytes)) },
      { name: 'caption', type: 'String', data: texts(({ caption }) => caption) },
      { name: 'facts', type: 'String', data: texts(({ facts }) => JSON.stringify(facts)) },
    ];
  }
}
