import { describe, expect, it } from 'vitest';
import type { EventData } from './event.js';
import { foldRegistry, type RegistryEntry, type RegistryEvent } from './registry-fold.js';

let clock = 0;
function event<Name extends RegistryEvent['name']>(name: Name, data: Partial<EventData[Name]> = {}): RegistryEvent {
  const texts = {
    world: '',
    name: 'm',
    description: '',
    source: '',
    location: '',
    run: '',
    loggedModel: '',
    stage: '',
  };
  const lists = { tags: {}, removed: [], aliases: {}, aliasesRemoved: [], hasDescription: false, archiveOthers: false };
  const head = { id: 'e', source: '', subject: 'm', timeMs: ++clock, writer: null, reply: true };
  return { ...head, name, data: { ...texts, ...lists, ...data } } as unknown as RegistryEvent;
}
function fold(events: readonly RegistryEvent[], taken: readonly string[] = []) {
  let entry: RegistryEntry | null = null;
  const verdicts = events.map((each) => {
    const folded = foldRegistry(entry, each, (name) => taken.includes(name));
    entry = folded.entry;
    return folded.verdict;
  });
  return { entry: entry as RegistryEntry | null, verdicts };
}

describe('the fold of a registered model', () => {
  it('numbers versions upward and gives no number again', () => {
    const { entry, verdicts } = fold([
      event('RegisteredModelCreated'),
      event('ModelVersionCreated', { source: 'a' }),
      event('ModelVersionCreated', { source: 'b' }),
      event('ModelVersionDeleted', { version: 2 }),
      event('ModelVersionCreated', { source: 'c' }),
      event('ModelVersionDeleted', { version: 2 }),
    ]);
    expect(verdicts.map((verdict) => (verdict.accepted ? (verdict.number ?? 'yes') : verdict.code))).toEqual([
      'yes',
      1,
      2,
      'yes',
      3,
      'NOT_FOUND',
    ]);
    expect([...entry!.versions.keys()]).toEqual([1, 3]);
  });

  it('moves aliases, drops those of a deleted version, and refuses one to a version that is not there', () => {
    const alias = (version: string) => event('RegisteredModelChanged', { aliases: { best: version } });
    const versions = [event('RegisteredModelCreated'), event('ModelVersionCreated'), event('ModelVersionCreated')];
    expect(fold([...versions, alias('1'), alias('2')]).entry!.model.aliases).toEqual({ best: 2 });
    expect(fold([...versions, alias('1'), event('ModelVersionDeleted', { version: 1 })]).entry!.model.aliases).toEqual(
      {},
    );
    const refused = fold([...versions, alias('1'), alias('3')]);
    expect(refused.verdicts.at(-1)).toMatchObject({ code: 'NOT_FOUND' });
    expect(refused.entry!.model.aliases).toEqual({ best: 1 });
  });

  it('archives the others of a stage when asked to', () => {
    const stage = (version: number, archiveOthers: boolean, name = 'Production') =>
      event('ModelVersionChanged', { version, stage: name, archiveOthers });
    const { entry, verdicts } = fold([
      event('RegisteredModelCreated'),
      event('ModelVersionCreated'),
      event('ModelVersionCreated'),
      stage(1, false),
      stage(2, true),
      stage(2, true, 'Nowhere'),
    ]);
    expect([...entry!.versions.values()].map((version) => version.stage)).toEqual(['Archived', 'Production']);
    expect(verdicts.at(-1)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('is renamed with its versions to a free name; deleted it is gone and begins anew', () => {
    const begin = [event('RegisteredModelCreated'), event('ModelVersionCreated')];
    const rename = event('RegisteredModelRenamed', { newName: 'n' });
    expect(fold([...begin, rename], ['n']).verdicts.at(-1)).toMatchObject({ code: 'ALREADY_EXISTS' });
    const { entry } = fold([...begin, rename]);
    expect([entry!.model.name, entry!.versions.get(1)!.name]).toEqual(['n', 'n']);
    const again = fold([...begin, event('RegisteredModelCreated'), event('RegisteredModelDeleted'), ...begin]);
    expect(again.verdicts[2]).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(again.verdicts.at(-1)).toMatchObject({ number: 1 });
    expect(fold([rename]).verdicts[0]).toMatchObject({ code: 'NOT_FOUND' });
  });
});
