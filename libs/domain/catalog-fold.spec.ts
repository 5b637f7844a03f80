import { describe, expect, it } from 'vitest';
import {
  foldApiKey,
  foldProject,
  type ApiKeyState,
  type KnownProjects,
  type ProjectEvent,
  type ProjectState,
} from './catalog-fold.js';
import type { EventOf } from './event.js';

const head = { id: 'e', source: '', subject: 'p', timeMs: 7, writer: null, reply: true };
const project: EventOf<'ProjectCreated'> = {
  ...head,
  name: 'ProjectCreated',
  data: { description: 'd', tags: { a: 'b' }, world: '', title: '' },
};
const created: EventOf<'ApiKeyCreated'> = {
  ...head,
  name: 'ApiKeyCreated',
  data: { keyId: 'k', name: 'ci', hash: 'h', scopes: ['all'] },
};
const revoked: EventOf<'ApiKeyRevoked'> = { ...head, name: 'ApiKeyRevoked', data: { keyId: 'k' } };

const catalogOf = (...projects: ProjectState[]): KnownProjects => ({
  project: projects.find(({ name }) => name === 'p') ?? null,
  titled: (world, title) => projects.find((other) => other.world === world && other.title === title) ?? null,
  lastNumber: (world) => Math.max(0, ...projects.filter((other) => other.world === world).map(({ number }) => number)),
});
const other = (more: Partial<ProjectState>): ProjectState => ({
  name: 'q',
  world: '',
  title: 'q',
  number: 4,
  description: '',
  tags: {},
  deleted: false,
  createdAt: 1,
  updatedAt: 1,
  ...more,
});

describe('projects', () => {
  it('are numbered in the order of the catalog, each world by itself; "Default" has 0', () => {
    expect(foldProject(catalogOf(other({})), project)).toEqual({
      project: {
        name: 'p',
        world: '',
        title: 'p',
        number: 5,
        description: 'd',
        tags: { a: 'b' },
        deleted: false,
        createdAt: 7,
        updatedAt: 7,
      },
      verdict: { accepted: true, attempt: null },
    });
    const inTeam = { ...project, data: { ...project.data, world: 'team', title: 'q' } };
    expect(foldProject(catalogOf(other({})), inTeam).project).toMatchObject({ title: 'q', number: 1, world: 'team' });
    const fallback = { ...project, data: { ...project.data, title: 'Default' } };
    expect(foldProject(catalogOf(other({})), fallback).project).toMatchObject({ number: 0 });
  });

  it('keep what the first said; a second one of that name or title is refused and takes no number', () => {
    const first = foldProject(catalogOf(), project).project!;
    const second = foldProject(catalogOf(first), {
      ...project,
      timeMs: 9,
      data: { description: 'other', tags: {}, world: '', title: '' },
    });
    expect(second.project).toBe(first);
    expect(second.verdict).toMatchObject({ accepted: false, code: 'ALREADY_EXISTS', field: 'subject' });
    const titled = foldProject(catalogOf(other({ title: 'p', deleted: true })), project);
    expect(titled).toMatchObject({ project: null, verdict: { code: 'ALREADY_EXISTS', field: 'data.title' } });
  });

  it('are renamed to a free title, deleted and restored, and keep their number', () => {
    const known = other({ name: 'p', title: 'p' });
    const rename = (title: string): ProjectEvent => ({ ...head, name: 'ProjectRenamed', data: { title } });
    expect(foldProject(catalogOf(known), rename('new'))).toMatchObject({
      project: { name: 'p', title: 'new', number: 4, updatedAt: 7 },
      verdict: { accepted: true },
    });
    expect(foldProject(catalogOf(known, other({})), rename('q')).verdict).toMatchObject({ code: 'ALREADY_EXISTS' });
    const gone = foldProject(catalogOf(known), { ...head, name: 'ProjectDeleted', data: {} }).project!;
    expect(gone.deleted).toBe(true);
    expect(foldProject(catalogOf(gone), rename('new')).verdict).toMatchObject({ code: 'INVALID_TRANSITION' });
    expect(foldProject(catalogOf(gone), { ...head, name: 'ProjectRestored', data: {} }).project!.deleted).toBe(false);
    expect(foldProject(catalogOf(), rename('new'))).toMatchObject({ project: null, verdict: { code: 'NOT_FOUND' } });
  });

  it('keep tags, also one called "__proto__"', () => {
    const set: ProjectEvent = {
      ...head,
      name: 'ProjectTagsSet',
      data: { tags: JSON.parse('{"__proto__":"x","b":"2"}') as Record<string, string>, removed: ['a'] },
    };
    const { project: after } = foldProject(catalogOf(other({ name: 'p', tags: { a: '1', c: '3' } })), set);
    expect(Object.entries(after!.tags)).toEqual([
      ['c', '3'],
      ['__proto__', 'x'],
      ['b', '2'],
    ]);
  });
});

describe('API keys', () => {
  const known: ApiKeyState = { keyId: 'k', name: 'ci', hash: 'h', scopes: ['all'], createdAt: 7, revoked: false };

  it('are known until they are revoked', () => {
    expect(foldApiKey(null, created)).toEqual({ key: known, verdict: { accepted: true, attempt: null } });
    expect(foldApiKey(known, revoked).key).toEqual({ ...known, revoked: true });
  });

  it('are not brought back by being created or revoked again', () => {
    const gone = { ...known, revoked: true };
    expect(foldApiKey(gone, created)).toMatchObject({ key: gone, verdict: { code: 'ALREADY_EXISTS' } });
    expect(foldApiKey(gone, revoked)).toMatchObject({ key: gone, verdict: { accepted: true } });
  });

  it('can not be revoked when nobody knows them', () => {
    expect(foldApiKey(null, revoked)).toMatchObject({ key: null, verdict: { code: 'NOT_FOUND', field: 'data.keyId' } });
  });
});
