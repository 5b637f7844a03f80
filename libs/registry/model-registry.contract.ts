import { describe, expect, it } from 'vitest';
import type { EventData } from '#libs/domain/event.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import { examples } from '#libs/runs/run-table.examples.js';
import type { ModelRegistry } from './model-registry.js';

export interface OpenedRegistry {
  readonly family: ProjectionFamily;
  readonly registry: ModelRegistry;
}

async function feed(family: ProjectionFamily, log: ReturnType<typeof examples>, size: number): Promise<void> {
  const projection = await family.live();
  for (const [partition, records] of log.partitions()) {
    const { epoch } = await projection.claim(partition);
    for (let from = 0; from < records.length; from += size) {
      const batch = records.slice(from, from + size);
      const to = from + batch.length;
      expect(await projection.apply({ partition, epoch, from, to, records: batch })).toBe('applied');
    }
  }
}

/** What the catalog's projection and the registry promise together, however the log is cut. `open` gives empty tables. */
export function describeModelRegistry(name: string, open: () => Promise<OpenedRegistry>): void {
  describe(`${name} as ModelRegistry`, () => {
    it.each([1, 3, 100])('reads models and versions as the catalog has them, %i records at a time', async (size) => {
      const { family, registry } = await open();
      const log = examples();
      const model = (world: string, of: string) =>
        log.add('RegisteredModelCreated', of, { world, name: of, description: 'd', tags: { k: 'v' } });
      const version = (of: string, run: string) =>
        log.add('ModelVersionCreated', of, {
          ...{ world: '', name: of, source: 's', location: 'l', run, loggedModel: 'm-1', description: '', tags: {} },
        });
      const changed = (of: string, more: Partial<EventData['ModelVersionChanged']>) =>
        log.add('ModelVersionChanged', of, {
          ...{ world: '', name: of, version: 1, description: '', hasDescription: false, tags: {}, removed: [] },
          ...{ stage: '', archiveOthers: false, ...more },
        });
      model('', 'digits');
      model('team', 'digits');
      model('', 'digits');
      version('digits', 'r1');
      version('digits', 'r2');
      version('unknown', 'r2');
      changed('digits', { stage: 'Production' });
      changed('digits', { version: 2, stage: 'Production', archiveOthers: true, tags: { a: 'b' } });
      log.add('RegisteredModelChanged', 'digits', {
        ...{ world: '', name: 'digits', description: 'new', hasDescription: true, tags: {}, removed: ['k'] },
        ...{ aliases: { best: '2' }, aliasesRemoved: [] },
      });
      model('', 'other');
      log.add('RegisteredModelRenamed', 'digits', { world: '', name: 'digits', newName: 'figures' });
      log.add('RegisteredModelDeleted', 'other', { world: '', name: 'other' });
      await feed(family, log, size);
      expect((await registry.models('')).map((each) => each.name)).toEqual(['figures']);
      expect(await registry.model('', 'figures')).toMatchObject({
        ...{ description: 'new', tags: {}, aliases: { best: 2 }, lastVersion: 2 },
      });
      expect(await registry.model('', 'digits')).toBeNull();
      expect(await registry.model('team', 'digits')).toMatchObject({ tags: { k: 'v' } });
      const versions = await registry.versions('', 'figures');
      expect(versions.map((each) => [each.version, each.stage, each.run, each.name])).toEqual([
        [1, 'Archived', 'r1', 'figures'],
        [2, 'Production', 'r2', 'figures'],
      ]);
      expect(await registry.versions('')).toEqual(versions);
      expect(await registry.versionsOfRuns('', ['r2'])).toEqual([versions[1]]);
    });

    it('answers for the world and the runs asked for, by name and version, from the generation that is live', async () => {
      const { family, registry } = await open();
      const log = examples();
      const made = [
        ['', 'b', 'r1'],
        ['', 'A', 'r1'],
        ['team', 'a', 'r1'],
        ['', 'A', 'r2'],
        ['', 'a', ''],
      ] as const;
      for (const [world, name, run] of made) {
        log.add('RegisteredModelCreated', name, { world, name, description: '', tags: {} });
        if (run !== '')
          log.add('ModelVersionCreated', name, {
            ...{ world, name, source: 's', location: 'l', run, loggedModel: '', description: '', tags: {} },
          });
      }
      await feed(family, log, 100);
      const names = async (world: string) => (await registry.models(world)).map((each) => each.name);
      expect([await names(''), await names('team'), await names('none')]).toEqual([['A', 'a', 'b'], ['a'], []]);
      type Versions = Awaited<ReturnType<ModelRegistry['versions']>>;
      const shown = (versions: Versions) => versions.map((each) => `${each.name} ${each.version} ${each.run}`);
      expect(shown(await registry.versions(''))).toEqual(['A 1 r1', 'A 2 r2', 'b 1 r1']);
      expect(shown(await registry.versions('team'))).toEqual(['a 1 r1']);
      expect([await registry.versions('', 'a'), await registry.versions('team', 'A')]).toEqual([[], []]);
      expect(shown(await registry.versionsOfRuns('', ['r2', 'r1']))).toEqual(['A 1 r1', 'A 2 r2', 'b 1 r1']);
      expect(shown(await registry.versionsOfRuns('team', ['r1', 'r2']))).toEqual(['a 1 r1']);
      expect(await registry.versionsOfRuns('', [])).toEqual([]);
      await family.openGeneration(2);
      await family.switchTo(2);
      expect([await names(''), await registry.model('', 'A'), await registry.versions('')]).toEqual([[], null, []]);
    });
  });
}
