/** Columns of a project as its state has them. */
export const projectColumns =
  'name, world, title, number, description, tags, deleted, created_at as "createdAt", updated_at as "updatedAt"';
/** As rows are written. */
export const projectsTable = {
  name: 'projects',
  key: ['name'],
  columns: {
    name: 'text',
    world: 'text',
    title: 'text',
    number: 'int',
    description: 'text',
    tags: 'json',
    deleted: 'boolean',
    created_at: 'bigint',
    updated_at: 'bigint',
  },
};
