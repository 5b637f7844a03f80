import type { EventOf, Tags } from './event.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

export interface ProjectState {
  readonly name: string;
  /** Counts accepted projects in the catalog's order, from 1. */
  readonly number: number;
  readonly description: string;
  readonly tags: Tags;
  readonly createdAt: number;
}
export interface ApiKeyState {
  readonly keyId: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly revoked: boolean;
}

/** `known` is the project of that name, `lastNumber` the highest number given so far. */
export function foldProject(
  known: ProjectState | null,
  lastNumber: number,
  event: EventOf<'ProjectCreated'>,
): { readonly project: ProjectState | null; readonly verdict: FoldVerdict } {
  if (known)
    return {
      project: known,
      verdict: refused('ALREADY_EXISTS', `project "${event.subject}" already exists`, 'subject'),
    };
  const { description, tags } = event.data;
  const project = { name: event.subject, number: lastNumber + 1, description, tags, createdAt: event.timeMs };
  return { project, verdict: accepted(null) };
}

export function foldApiKey(
  known: ApiKeyState | null,
  event: EventOf<'ApiKeyCreated'> | EventOf<'ApiKeyRevoked'>,
): { readonly key: ApiKeyState | null; readonly verdict: FoldVerdict } {
  switch (event.name) {
    case 'ApiKeyCreated': {
      const { keyId, name, hash, scopes } = event.data;
      if (known)
        return { key: known, verdict: refused('ALREADY_EXISTS', `API key ${keyId} already exists`, 'data.keyId') };
      return {
        key: { keyId, name, hash, scopes: [...scopes], createdAt: event.timeMs, revoked: false },
        verdict: accepted(null),
      };
    }
    case 'ApiKeyRevoked':
      if (!known)
        return { key: null, verdict: refused('NOT_FOUND', `there is no API key ${event.data.keyId}`, 'data.keyId') };
      return { key: { ...known, revoked: true }, verdict: accepted(null) };
  }
}
