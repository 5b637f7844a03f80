import { describe, expect, it } from 'vitest';
import type { EventData } from '#libs/domain/event.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import { examples } from '#libs/runs/run-table.examples.js';
import type { ModelRegistry } from './model-registry.js';

export interface OpenedRegistry {
  readonly family: ProjectionFamily;
  readonly registry: ModelRegistry;
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
      const projection = await family.live();
      for (const [partition, records] of log.partitions()) {
        const { epoch } = await projection.claim(partition);
        for (let from = 0; from < records.length; from += size) {
          const batch = records.slice(from, from + size);
          const to = from + batch.length;
          expect(await projection.apply({ partition, epoch, from, to, records: batch })).toBe('applied');
        }
      }
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
  });
}
