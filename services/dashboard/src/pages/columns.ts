/** What stands in a column of the runs table: a field of the search language, of a metric with which of its values. */
export interface Column {
  kind: 'attributes' | 'metrics' | 'params' | 'tags';
  key: string;
  stat: 'last' | 'min' | 'max';
  width: number;
  /** Stays in sight when the table is scrolled sideways. */
  pinned: boolean;
}
type Field = Pick<Column, 'kind' | 'key'> & Partial<Column>;

/** Attributes that can be shown, and their titles. */
export const attributeTitles: Readonly<Record<string, string>> = {
  status: 'Status',
  name: 'Name',
  user: 'User',
  started_at: 'Started',
  ended_at: 'Ended',
  duration: 'Duration',
  group: 'Group',
  job_type: 'Job type',
  world_size: 'Ranks',
  labels: 'Labels',
  id: 'Id',
};
const attributeWidths: Readonly<Record<string, number>> = { status: 104, name: 240, labels: 160, id: 200 };
const metricsMax = 300;
/** Fields that runs are grouped by at once, one within another. */
export const groupsMax = 3;
export const widthMin = 56;
export const widthMax = 900;

export function createColumn({ kind, key, ...more }: Field): Column {
  const width = kind === 'attributes' ? (attributeWidths[key] ?? 104) : 124;
  return { kind, key, stat: 'last', width, pinned: false, ...more };
}

export const columnId = ({ kind, key, stat }: Pick<Column, 'kind' | 'key' | 'stat'>): string =>
  `${kind}.${key}${stat === 'last' ? '' : ` ${stat}`}`;

/** A key as the search language writes it: quoted unless it is a plain name. */
export function quotedKey(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : `\`${key.replaceAll('\\', '\\\\').replaceAll('`', '``')}\``;
}

/** The field that the server orders by; null for what it does not order by. */
export const orderField = ({ kind, key, stat }: Column): string | null =>
  stat === 'last' ? `${kind}.${quotedKey(key)}` : null;

export const columnTitle = ({ kind, key, stat }: Column): string =>
  kind === 'attributes' ? (attributeTitles[key] ?? key) : stat === 'last' ? key : `${key} (${stat})`;

/** What a first visitor wants to see: a few metrics that are not about the machine, a few plain params. */
export function defaultColumns(metricKeys: readonly string[], paramKeys: readonly string[]): Column[] {
  const telling = metricKeys.filter((key) => !/^(system|sys|_)/.test(key));
  const rank = (key: string): number => (/loss/i.test(key) ? 0 : /acc|score|reward|f1|auc/i.test(key) ? 1 : 2);
  const metrics = [...telling].sort((a, b) => rank(a) - rank(b)).slice(0, 3);
  return [
    createColumn({ kind: 'attributes', key: 'status', pinned: true }),
    createColumn({ kind: 'attributes', key: 'name', pinned: true }),
    ...['user', 'started_at', 'duration'].map((key) => createColumn({ kind: 'attributes', key })),
    ...metrics.map((key) => createColumn({ kind: 'metrics', key })),
    ...paramKeys.slice(0, 3).map((key) => createColumn({ kind: 'params', key })),
  ];
}

/** As the address and this browser keep them: [kind, key, stat, width, pinned] each, one letter for what is one of few. */
export function printColumns(columns: readonly Column[]): string {
  return JSON.stringify(
    columns.map(({ kind, key, stat, width, pinned }) => [kind[0], key, stat[2], width, pinned ? 1 : 0]),
  );
}

const kinds = { a: 'attributes', m: 'metrics', p: 'params', t: 'tags' } as const;
const stats = { s: 'last', n: 'min', x: 'max' } as const;

/** Null for what no page of ours has written: the defaults are fine then. */
export function readColumns(text: string | null): Column[] | null {
  if (text === null) return null;
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!Array.isArray(stored)) return null;
  const seen = new Set<string>();
  const columns: Column[] = [];
  for (const each of stored as unknown[]) {
    if (!Array.isArray(each)) return null;
    const [kind, key, stat, width, pinned] = each as unknown[];
    if (typeof key !== 'string' || typeof width !== 'number' || !Object.hasOwn(kinds, String(kind))) return null;
    if (!Object.hasOwn(stats, String(stat))) return null;
    const column: Column = {
      kind: kinds[kind as keyof typeof kinds],
      key,
      stat: stats[stat as keyof typeof stats],
      width: Math.min(widthMax, Math.max(widthMin, Math.round(width))),
      pinned: pinned === 1,
    };
    if (column.kind === 'attributes' && !Object.hasOwn(attributeTitles, key)) continue;
    if (!seen.has(columnId(column))) columns.push(column);
    seen.add(columnId(column));
  }
  return columns.length === 0 ? null : columns.slice(0, metricsMax);
}

/** Pinned ones stand first, each kind in its own order. */
export const arranged = (columns: readonly Column[]): Column[] => [
  ...columns.filter(({ pinned }) => pinned),
  ...columns.filter(({ pinned }) => !pinned),
];

export function toggled(columns: readonly Column[], field: Field): Column[] {
  const id = columnId(createColumn(field));
  const without = columns.filter((each) => columnId(each) !== id);
  if (without.length < columns.length) return without.length === 0 ? [...columns] : without;
  return [...columns, createColumn(field)].slice(0, metricsMax);
}

export const changed = (columns: readonly Column[], id: string, change: Partial<Column>): Column[] =>
  columns.map((each) => (columnId(each) === id ? { ...each, ...change } : each));

export const resized = (columns: readonly Column[], id: string, width: number): Column[] =>
  changed(columns, id, { width: Math.min(widthMax, Math.max(widthMin, Math.round(width))) });

/** Puts a column where another one stands now, and makes it as pinned as that one. */
export function moved(columns: readonly Column[], id: string, to: string): Column[] {
  const list = arranged(columns);
  const from = list.findIndex((each) => columnId(each) === id);
  const target = list.findIndex((each) => columnId(each) === to);
  if (from < 0 || target < 0 || from === target) return list;
  const pinned = list[target]!.pinned;
  const [column] = list.splice(from, 1);
  list.splice(target, 0, { ...column!, pinned });
  return list;
}

/** One place to the left or to the right. */
export function shifted(columns: readonly Column[], id: string, by: -1 | 1): Column[] {
  const list = arranged(columns);
  const at = list.findIndex((each) => columnId(each) === id);
  const neighbour = list[at + by];
  return at < 0 || neighbour === undefined ? list : moved(list, id, columnId(neighbour));
}
