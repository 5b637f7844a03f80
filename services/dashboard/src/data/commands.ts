import { gql, type AnyVariables, type TypedDocumentNode } from 'urql';
import { client, readTrouble, reportTrouble } from './client.js';
import type { CommandResult, Tag } from './types.js';

const result = `position run { id name notes labels tags { key value } } error { code message field }`;
type Outcome<Name extends string> = Record<Name, CommandResult>;

const rename = gql<Outcome<'renameRun'>, { id: string; name: string }>(
  `mutation Rename($id: ID!, $name: String!) { renameRun(id: $id, name: $name) { ${result} } }`,
);
const note = gql<Outcome<'noteRun'>, { id: string; text: string }>(
  `mutation Note($id: ID!, $text: String!) { noteRun(id: $id, text: $text) { ${result} } }`,
);
export interface TagChange {
  set?: Tag[];
  remove?: string[];
  addLabels?: string[];
  removeLabels?: string[];
}
const tag = gql<Outcome<'tagRun'>, TagChange & { id: string }>(`mutation TagRun(
  $id: ID!, $set: [TagInput!], $remove: [String!], $addLabels: [String!], $removeLabels: [String!]
) { tagRun(id: $id, set: $set, remove: $remove, addLabels: $addLabels, removeLabels: $removeLabels) { ${result} } }`);

/** Resolves with null when accepted, else with the sentence to show beside the field. */
async function command<Data extends object, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  read: (data: Data) => CommandResult,
): Promise<string | null> {
  const answer = await client.mutation(document, variables).toPromise();
  if (answer.error !== undefined) {
    const trouble = readTrouble(answer.error);
    reportTrouble(trouble);
    return `Not saved: ${trouble.message}`;
  }
  if (answer.data === undefined) return 'Not saved: the server gave no answer.';
  return read(answer.data).error?.message ?? null;
}

export function renameRun(id: string, name: string): Promise<string | null> {
  return command(rename, { id, name }, (data) => data.renameRun);
}
export function noteRun(id: string, text: string): Promise<string | null> {
  return command(note, { id, text }, (data) => data.noteRun);
}
export function tagRun(id: string, change: TagChange): Promise<string | null> {
  return command(tag, { id, ...change }, (data) => data.tagRun);
}
