import type { AnyVariables, TypedDocumentNode } from 'urql';
import {
  ArchiveRunDocument,
  DeleteRunDocument,
  FinishRunDocument,
  ForkRunDocument,
  GroupRunDocument,
  NoteRunDocument,
  RenameRunDocument,
  RestoreRunDocument,
  TagRunDocument,
  type CommandResultFragment,
  type ForkRunMutationVariables,
  type RunStatus,
  type TagRunMutationVariables,
} from '../generated/questions.js';
import { client, readTrouble, reportTrouble } from './client.js';

export type TagChange = Omit<TagRunMutationVariables, 'id'>;
export type Fork = Required<Omit<ForkRunMutationVariables, 'id' | 'newId'>>;
export type Ending = Exclude<RunStatus, 'RUNNING' | 'LOST'>;

/** Resolves with null when accepted, else with the sentence to show beside the field. */
async function command<Data extends object, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  read: (data: Data) => CommandResultFragment,
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
  return command(RenameRunDocument, { id, name }, (data) => data.renameRun);
}
export function noteRun(id: string, text: string): Promise<string | null> {
  return command(NoteRunDocument, { id, text }, (data) => data.noteRun);
}
export function tagRun(id: string, change: TagChange): Promise<string | null> {
  return command(TagRunDocument, { id, ...change }, (data) => data.tagRun);
}
export function groupRun(id: string, group: string): Promise<string | null> {
  return command(GroupRunDocument, { id, group }, (data) => data.groupRun);
}
export function archiveRun(id: string): Promise<string | null> {
  return command(ArchiveRunDocument, { id }, (data) => data.archiveRun);
}
export function restoreRun(id: string): Promise<string | null> {
  return command(RestoreRunDocument, { id }, (data) => data.restoreRun);
}
export function deleteRun(id: string): Promise<string | null> {
  return command(DeleteRunDocument, { id }, (data) => data.deleteRun);
}
export function finishRun(id: string, state: Ending, reason: string): Promise<string | null> {
  return command(FinishRunDocument, { id, state, reason }, (data) => data.finishRun);
}
/** The id is made here, so that a fork whose answer was lost can be sent again without making a second run. */
export function forkRun(id: string, newId: string, change: Fork): Promise<string | null> {
  return command(ForkRunDocument, { id, newId, ...change }, (data) => data.forkRun);
}
