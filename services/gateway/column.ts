import { toJsonValue, type JsonValue } from '#libs/live/metric-frame.js';

/** A column of numbers: one value of an answer, whatever its length. */
export class Column {
  constructor(readonly values: ArrayLike<number>) {}

  /** NaN and the infinities, which JSON has no numbers for, by name. */
  toJSON(): readonly JsonValue[] {
    const list: JsonValue[] = Array.from(this.values);
    for (let i = 0; i < list.length; i += 1) if (!Number.isFinite(list[i])) list[i] = toJsonValue(list[i] as number);
    return list;
  }
}
