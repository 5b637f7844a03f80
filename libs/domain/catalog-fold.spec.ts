import { describe, expect, it } from 'vitest';
import { foldApiKey, foldProject, type ApiKeyState } from './catalog-fold.js';
import type { EventOf } from './event.js';

const head = { id: 'e', source: '', subject: 'p', timeMs: 7, writer: null, reply: true };
const project: EventOf<'ProjectCreated'> = {
  ...head,
  name: 'ProjectCreated',
  data: { description: 'd', tags: { a: 'b' } },
};
const created: EventOf<'ApiKeyCreated'> = {
  ...head,
  name: 'ApiKeyCreated',
  data: { keyId: 'k', name: 'ci', hash: 'h', scopes: ['all'] },
};
const revoked: EventOf<'ApiKeyRevoked'> = { ...head, name: 'ApiKeyRevoked', data: { keyId: 'k' } };

describe('projects', () => {
  it('are numbered in the order of the catalog', () => {
    expect(foldProject(null, 4, project)).toEqual({
      project: { name: 'p', number: 5, description: 'd', tags: { a: 'b' }, createdAt: 7 },
      verdict: { accepted: true, attempt: null },
    });
  });

  it('keep what the first said; a second one is refused and takes no number', () => {
    const first = foldProject(null, 0, project).project;
    const second = foldProject(first, 1, { ...project, timeMs: 9, data: { description: 'other', tags: {} } });
    expect(second.project).toBe(first);
    expect(second.verdict).toMatchObject({ accepted: false, code: 'ALREADY_EXISTS', field: 'subject' });
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
