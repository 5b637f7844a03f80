import { RunGroupsDocument, RunKeysDocument, type RunKeyKind } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { attributeTitles, quotedKey } from './columns.js';
import { valueText, type FieldKind, type Place } from './filter-completion.js';

export interface Completion {
  insert: string;
  shown: string;
  /** What it is, beside it. */
  hint: string;
}

const shownMax = 12;
const attributes = [...Object.keys(attributeTitles), 'project', 'notes', 'heartbeat_at', 'archived', 'fork_of'];
const keyKinds: Readonly<Partial<Record<FieldKind, RunKeyKind>>> = {
  metrics: 'METRICS',
  params: 'PARAMS',
  tags: 'TAGS',
};
const listed: ReadonlySet<string> = new Set([
  'status',
  'user',
  'group',
  'job_type',
  'name',
  'project',
  'labels',
  'world_size',
]);
const operators: Readonly<Record<'number' | 'text', readonly string[]>> = {
  number: ['<', '<=', '>', '>=', '=', '!=', 'is nan', 'is null'],
  text: ['=', '!=', 'like', 'ilike', 'in (', '<', '>', 'is null', 'is not null'],
};

/** What can be written at a place of a filter, from the server where it is about the project's own keys and values. */
export function useCompletions(project: string, place: Place | null): readonly Completion[] {
  const keysOf = (kind: FieldKind): boolean =>
    place?.expects === 'field' && (place.kind === kind || (place.kind === null && place.partial !== ''));
  const partial = place?.partial ?? '';
  const metrics = useKeys(project, 'METRICS', partial, keysOf('metrics'));
  const params = useKeys(project, 'PARAMS', partial, keysOf('params'));
  const tags = useKeys(project, 'TAGS', partial, keysOf('tags'));
  const field = place?.expects === 'value' && place.kind !== null ? fieldOf(place.kind, place.key) : null;
  const values = useGraph(
    RunGroupsDocument,
    { project, filter: null, archived: false, by: [field ?? ''], metrics: [], first: 200 },
    { paused: field === null, scope: `${project} ${field}` },
  ).data?.runGroups.nodes;
  if (place === null) return [];
  const fits = (text: string): boolean => text.toLowerCase().includes(partial.toLowerCase());
  const key =
    (kind: FieldKind) =>
    (name: string): Completion => ({
      insert: `${kind}.${quotedKey(name)} `,
      shown: name,
      hint: kind,
    });
  const known = attributes.filter(fits).map(key('attributes'));
  switch (place.expects) {
    case 'field': {
      if (place.kind === 'attributes') return known.slice(0, shownMax);
      const found = [...metrics.map(key('metrics')), ...params.map(key('params')), ...tags.map(key('tags'))];
      if (place.kind !== null) return found.slice(0, shownMax);
      const starts = ['metrics', 'params', 'tags', 'attributes'].filter(fits);
      const words = starts.map((word): Completion => ({ insert: `${word}.`, shown: `${word}.`, hint: '' }));
      return [...words, ...(partial === '' ? [] : [...known, ...found])].slice(0, shownMax);
    }
    case 'operator':
      return operators[place.kind === 'metrics' ? 'number' : 'text']
        .filter((operator) => operator.startsWith(partial.toLowerCase()))
        .map((operator) => ({ insert: `${operator} `, shown: operator, hint: '' }));
    case 'value':
      return (values ?? [])
        .flatMap(({ values: [value], count }) =>
          value === null || value === undefined || !fits(value)
            ? []
            : [{ insert: `${valueText(value)} `, shown: value, hint: `${count} ${count === 1 ? 'run' : 'runs'}` }],
        )
        .slice(0, shownMax);
    case 'joint':
      return ['and', 'or']
        .filter((word) => word.startsWith(partial.toLowerCase()))
        .map((word) => ({ insert: `${word} `, shown: word, hint: '' }));
  }
}

/** Only what the server groups runs by has values to choose from. */
const fieldOf = (kind: FieldKind, key: string): string | null =>
  keyKinds[kind] === 'METRICS' || (kind === 'attributes' && !listed.has(key)) ? null : `${kind}.${quotedKey(key)}`;

function useKeys(project: string, kind: RunKeyKind, match: string, wanted: boolean): readonly string[] {
  const asked = useGraph(RunKeysDocument, { project, kind, match, first: shownMax }, { paused: !wanted });
  return wanted ? (asked.data?.runKeys ?? []) : [];
}
