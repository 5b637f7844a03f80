import { expect, it } from 'vitest';
import { gql, postEvents, started } from '../rigs/client.js';
import { openServerRig } from '../rigs/server-rig.js';

it('a project of any name is in the catalog as soon as a run names it', async () => {
  const rig = await openServerRig();
  try {
    const names = ['plain', 'Größe 測試 \u{1f600}', 'long '.repeat(51) + '.'];
    for (const [i, name] of names.entries()) {
      const { position } = await postEvents(rig.server.url, [started(`r${i}`, name)]);
      const { project } = await gql(
        rig.server.url,
        'query($name: String!, $at: String) { project(name: $name, at: $at) { name runCount } }',
        { name, at: position },
      );
      expect(project).toEqual({ name, runCount: 1 });
    }
    const { createProject } = await gql(
      rig.server.url,
      'mutation($name: String!) { createProject(name: $name) { error { code } } }',
      { name: names[1] },
    );
    expect(createProject.error).toEqual({ code: 'ALREADY_EXISTS' });
  } finally {
    await rig.close();
  }
});
