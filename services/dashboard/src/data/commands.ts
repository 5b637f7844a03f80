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

const archive = gql<Outcome<'archiveRun'>, { id: string }>(
  `mutation Archive($id: ID!) { archiveRun(id: $id) { ${result} } }`,
);
const restore = gql<Outcome<'restoreRun'>, { id: string }>(
  `mutation Restore($id: ID!) { restoreRun(id: $id) { ${result} } }`,
);
const remove = gql<Outcome<'deleteRun'>, { id: string }>(
  `mutation Delete($id: ID!) { deleteRun(id: $id) { ${result} } }`,
);
export interface Fork {
  step: number;
  attempt: number | null;
  name: string | null;
}
const fork = gql<Outcome<'forkRun'>, Fork & { id: string; newId: string }>(
  `mutation Fork($id: ID!, $newId: ID!, $step: Long!, $attempt: Int, $name: String) {
    forkRun(id: $id, newId: $newId, step: $step, attempt: $attempt, name: $name) { ${result} }
  }`,
);
export type Ending = 'FINISHED' | 'FAILED' | 'KILLED';
const finish = gql<Outcome<'finishRun'>, { id: string; state: Ending; reason: string }>(
  `mutation Finish($id: ID!, $state: RunStatus, $reason: String) {
    finishRun(id: $id, state: $state, reason: $reason) { ${result} }
  }`,
);

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
    return `Not done: ${trouble.message}`;
  }
  if (answer.data === undefined) return 'Not done: the server gave no answer.';
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
export function archiveRun(id: string): Promise<string | null> {
  return command(archive, { id }, (data) => data.archiveRun);
}
export function restoreRun(id: string): Promise<string | null> {
  return command(restore, { id }, (data) => data.restoreRun);
}
export function deleteRun(id: string): Promise<string | null> {
  return command(remove, { id }, (data) => data.deleteRun);
}
export function finishRun(id: string, state: Ending, reason: string): Promise<string | null> {
  return command(finish, { id, state, reason }, (data) => data.finishRun);
}
/** The id is made here, so that a fork whose answer was lost can be sent again without making a second run. */
export function forkRun(id: string, newId: string, change: Fork): Promise<string | null> {
  return command(fork, { id, newId, ...change }, (data) => data.forkRun);
}
