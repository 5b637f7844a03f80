import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import type { Dataset } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';

/** Schema and profile of a wide table do not fit into a record of the log: they are files then, named by these tags. */
export const fileTags = { schema: 'runstream.schemaStoredAs', profile: 'runstream.profileStoredAs' } as const;
type Text = keyof typeof fileTags;

export const isFileTag = (key: string): boolean => (Object.values(fileTags) as string[]).includes(key);

/** The data set as its client said it. A file that is not there must not hide the rest. */
export async function wholeDataset<D extends Pick<Dataset, Text | 'tags'>>(
  dataset: D,
  open: (digest: string) => Promise<Readable>,
): Promise<D> {
  if (!Object.keys(dataset.tags).some(isFileTag)) return dataset;
  const read = async (name: Text): Promise<string> => {
    const digest = dataset.tags[fileTags[name]];
    if (digest === undefined) return dataset[name];
    try {
      return await readAll(await open(digest));
    } catch (error) {
      if (error instanceof Rejection) return dataset[name];
      throw error;
    }
  };
  const tags = Object.fromEntries(Object.entries(dataset.tags).filter(([key]) => !isFileTag(key)));
  return { ...dataset, schema: await read('schema'), profile: await read('profile'), tags };
}
