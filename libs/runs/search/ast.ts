export const attributeNames = [
  'status',
  'name',
  'id',
  'project',
  'user',
  'group',
  'job_type',
  'started_at',
  'ended_at',
  'duration',
  'heartbeat_at',
  'archived',
  'notes',
  'labels',
  'world_size',
  'fork_of',
] as const;
export type AttributeName = (typeof attributeNames)[number];

/** What can be asked of the data sets that a run read. */
export const datasetFields = ['name', 'digest', 'context'] as const;
export type DatasetField = (typeof datasetFields)[number];

/** What a compatibility API shows otherwise than it is kept (`Shown` says how); no word of our own filters. */
export type ShownField = 'status' | 'end' | 'location';

export type Identifier =
  | { readonly kind: 'metrics' | 'params' | 'tags'; readonly key: string }
  | { readonly kind: 'datasets'; readonly key: DatasetField }
  | { readonly kind: 'attributes'; readonly key: AttributeName }
  | { readonly kind: 'shown'; readonly key: ShownField };
export type Literal = string | number;
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like' | 'ilike';

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | {
      readonly kind: 'compare';
      readonly of: Identifier;
      readonly operator: Comparison;
      readonly value: Literal;
      readonly at: number;
    }
  | {
      readonly kind: 'in';
      readonly of: Identifier;
      readonly negated: boolean;
      readonly values: readonly Literal[];
      readonly at: number;
    }
  | { readonly kind: 'null'; readonly of: Identifier; readonly negated: boolean };

export interface Order {
  readonly of: Identifier;
  readonly descending: boolean;
}

const quote = (text: string, mark: string): string =>
  `${mark}${text.replaceAll('\\', '\\\\').replaceAll(mark, mark + mark)}${mark}`;
const printNumber = (value: number): string =>
  Number.isNaN(value)
    ? 'nan'
    : value === Infinity
      ? 'inf'
      : value === -Infinity
        ? '-inf'
        : Object.is(value, -0)
          ? '-0'
          : String(value);
const printLiteral = (value: Literal): string => (typeof value === 'number' ? printNumber(value) : quote(value, "'"));
const printIdentifier = (of: Identifier): string =>
  `${of.kind}.${of.kind === 'metrics' || of.kind === 'params' || of.kind === 'tags' ? quote(of.key, '`') : of.key}`;

/** Text that parses to the same tree. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.parts.map((part) => `(${printFilter(part)})`).join(` ${filter.kind} `);
    case 'not':
      return `not (${printFilter(filter.part)})`;
    case 'compare':
      return `${printIdentifier(filter.of)} ${filter.operator} ${printLiteral(filter.value)}`;
    case 'in':
      return `${printIdentifier(filter.of)} ${filter.negated ? 'not in' : 'in'} (${filter.values.map(printLiteral).join(', ')})`;
    case 'null':
      return `${printIdentifier(filter.of)} is ${filter.negated ? 'not ' : ''}null`;
  }
}
