import type { Tags } from './event.js';
import type { EventOfKind } from './event-table.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

export interface ProjectState {
  /** What runs call it for ever. */
  readonly name: string;
  readonly world: string;
  /** What people call it; no two of a world are the same, deleted ones included. */
  readonly title: string;
  /** Counts accepted projects of its world in the catalog's order, from 1; the one titled "Default" has 0. */
  readonly number: number;
  readonly description: string;
  readonly tags: Tags;
  readonly deleted: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}
export interface ApiKeyState {
  readonly keyId: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly revoked: boolean;
}

export type ApiKeyEvent = EventOfKind<'apiKey'>;
export type ProjectEvent = EventOfKind<'project'>;
/** The title whose project every world has from the start. */
export const defaultTitle = 'Default';

/** What is known when an event comes: the project of that name, and who has a title in a world. */
export interface KnownProjects {
  readonly project: ProjectState | null;
  titled(world: string, title: string): ProjectState | null;
  /** The highest number given so far. */
  lastNumber(world: string): number;
}

export function foldProject(
  known: KnownProjects,
  event: ProjectEvent,
): { readonly project: ProjectState | null; readonly verdict: FoldVerdict } {
  const { project } = known;
  const keep = (verdict: FoldVerdict) => ({ project, verdict });
  const taken = (title: string) => keep(refused('ALREADY_EXISTS', `project "${title}" already exists`, 'data.title'));
  if (event.name === 'ProjectCreated') {
    if (project) return keep(refused('ALREADY_EXISTS', `project "${event.subject}" already exists`, 'subject'));
    const { description, tags, world } = event.data;
    const title = event.data.title || event.subject;
    if (known.titled(world, title)) return taken(title);
    const number = title === defaultTitle ? 0 : known.lastNumber(world) + 1;
    const times = { createdAt: event.timeMs, updatedAt: event.timeMs };
    const created = { name: event.subject, world, title, number, description, tags, deleted: false, ...times };
    return { project: created, verdict: accepted(null) };
  }
  if (!project) return keep(refused('NOT_FOUND', `there is no project "${event.subject}"`, 'subject'));
  const change = (more: Partial<ProjectState>) => ({
    project: { ...project, ...more, updatedAt: event.timeMs },
    verdict: accepted(null),
  });
  switch (event.name) {
    case 'ProjectRenamed': {
      const { title } = event.data;
      if (project.deleted)
        return keep(refused('INVALID_TRANSITION', `project "${project.title}" is deleted`, 'subject'));
      const holder = known.titled(project.world, title);
      if (holder && holder.name !== project.name) return taken(title);
      return change({ title });
    }
    case 'ProjectTagsSet': {
      const { tags, removed } = event.data;
      return { project: { ...project, tags: changedTags(project.tags, tags, removed) }, verdict: accepted(null) };
    }
    case 'ProjectDeleted':
      return change({ deleted: true });
    case 'ProjectRestored':
      return change({ deleted: false });
  }
}

/** Keys come from users: "__proto__" must be an ordinary one. */
export function changedTags(known: Tags, set: Tags, removed: readonly string[]): Tags {
  const gone = new Set(removed);
  return Object.fromEntries([...Object.entries(known).filter(([key]) => !gone.has(key)), ...Object.entries(set)]);
}

export function foldApiKey(
  known: ApiKeyState | null,
  event: ApiKeyEvent,
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
