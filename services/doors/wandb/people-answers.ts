import { defaultEntity } from './entities.js';

/** Nobody has an account here: a key may do everything. */
export const userAnswer = (name: string) => ({
  id: `user:${name || defaultEntity}`,
  name: name || defaultEntity,
  username: name || defaultEntity,
  email: '',
  admin: true,
  flags: '{"code_saving_enabled":true}',
  entity: defaultEntity,
  deletedAt: null,
  apiKeys: { edges: [] },
  teams: { edges: [{ node: { id: defaultEntity, name: defaultEntity } }] },
  organizations: [],
});

export const entityAnswer = (entity: string, projectOf: (name: string) => Promise<unknown>) => ({
  id: entity,
  name: entity,
  available: true,
  isTeam: true,
  entityType: 'team',
  organization: null,
  user: () => userAnswer(''),
  project: ({ name }: { name: string }) => projectOf(name),
});
