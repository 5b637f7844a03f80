/** A part of a MergeTree table: an immutable folder of rows that covers a range of insertions of one partition. */
export interface Part {
  readonly table: string;
  readonly partition: string;
  readonly min: number;
  readonly max: number;
  readonly level: number;
  /** Changed by a mutation, which we never ask for. */
  readonly mutated: boolean;
  readonly hash: string;
}

const key = ({ table, partition }: Pick<Part, 'table' | 'partition'>): string => `${table} ${partition}`;
const nameOf = ({ table, partition, min, max, level }: Part): string => `${table}.${partition}_${min}_${max}_${level}`;

/**
 * What is gone of what a table once held. Merges join neighbours and never give a range back, so a part that was there lies within one
 * that is there now; one of the same name has the same bytes, or the table was emptied and filled anew under old numbers.
 */
export function missingParts(before: readonly Part[], now: readonly Part[]): readonly string[] {
  const present = new Map<string, Part[]>();
  for (const part of now) present.set(key(part), [...(present.get(key(part)) ?? []), part]);
  return before.flatMap((part) => {
    const cover = present.get(key(part))?.find(({ min, max }) => min <= part.min && part.max <= max);
    if (!cover) return [`${nameOf(part)} is gone`];
    if (cover.mutated && !part.mutated) return [`${nameOf(part)} was changed by an ALTER`];
    const same = cover.min === part.min && cover.max === part.max && cover.level === part.level;
    return same && cover.hash !== part.hash ? [`${nameOf(part)} is another one`] : [];
  });
}

export const writeParts = (parts: readonly Part[]): string =>
  JSON.stringify(parts.map(({ table, partition, min, max, level, hash }) => [table, partition, min, max, level, hash]));

export function readParts(text: string): readonly Part[] {
  const rows = JSON.parse(text) as readonly (readonly [string, string, number, number, number, string])[];
  return rows.map(([table, partition, min, max, level, hash]) => {
    return { table, partition, min, max, level, hash, mutated: false };
  });
}
