import { archiveRun, deleteRun, groupRun, restoreRun, tagRun } from '../data/commands.js';

/** What is done to many runs at once. */
export type Bulk =
  | { readonly act: 'archive' | 'restore' | 'delete' }
  | { readonly act: 'group'; readonly group: string }
  | { readonly act: 'label'; readonly label: string }
  | { readonly act: 'tag'; readonly key: string; readonly value: string };

/** What a run was before, as far as a change takes it away. */
export interface RunBefore {
  readonly id: string;
  readonly group: string | null;
  readonly labels: readonly string[];
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}
type Change = (id: string) => Promise<string | null>;

export function changeOf(bulk: Bulk): Change {
  switch (bulk.act) {
    case 'archive':
      return archiveRun;
    case 'restore':
      return restoreRun;
    case 'delete':
      return deleteRun;
    case 'group':
      return (id) => groupRun(id, bulk.group);
    case 'label':
      return (id) => tagRun(id, { addLabels: [bulk.label] });
    case 'tag':
      return (id) => tagRun(id, { set: [{ key: bulk.key, value: bulk.value }] });
  }
}

/** Takes each run back to what it was. */
export function undoOf(bulk: Bulk, before: ReadonlyMap<string, RunBefore>): Change {
  const nothing = Promise.resolve(null);
  switch (bulk.act) {
    case 'archive':
    case 'delete':
      return restoreRun;
    case 'restore':
      return archiveRun;
    case 'group':
      return (id) => groupRun(id, before.get(id)?.group ?? '');
    case 'label':
      return (id) =>
        before.get(id)?.labels.includes(bulk.label) === true ? nothing : tagRun(id, { removeLabels: [bulk.label] });
    case 'tag':
      return (id) => {
        const was = before.get(id)?.tags.find(({ key }) => key === bulk.key);
        return tagRun(id, was === undefined ? { remove: [bulk.key] } : { set: [{ key: was.key, value: was.value }] });
      };
  }
}

export const doneWords: Readonly<Record<Bulk['act'], string>> = {
  archive: 'archived',
  restore: 'restored',
  delete: 'deleted',
  group: 'put into the group',
  label: 'labelled',
  tag: 'tagged',
};

export interface Outcome {
  readonly done: readonly string[];
  readonly refused: readonly { readonly id: string; readonly why: string }[];
}

/** A few at a time, so that a thousand commands neither wait for each other nor all stand in line at the server. */
export async function inTurns(
  ids: readonly string[],
  change: Change,
  progress: (done: number) => void,
  atOnce = 8,
): Promise<Outcome> {
  const done: string[] = [];
  const refused: { id: string; why: string }[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      const why = await change(id);
      if (why === null) done.push(id);
      else refused.push({ id, why });
      progress(done.length + refused.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { done, refused };
}
