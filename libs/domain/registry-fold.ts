import { changedTags } from './catalog-fold.js';
import type { EventOf, Tags } from './event.js';
import type { EventOfKind } from './event-table.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

export interface RegisteredModelState {
  readonly world: string;
  readonly name: string;
  readonly description: string;
  readonly tags: Tags;
  /** Alias -> version. */
  readonly aliases: Readonly<Record<string, number>>;
  /** The highest number ever given: that of a deleted version is not given again. */
  readonly lastVersion: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}
export const stages = ['None', 'Staging', 'Production', 'Archived'] as const;
export type Stage = (typeof stages)[number];

export interface ModelVersionState {
  readonly world: string;
  readonly name: string;
  readonly version: number;
  readonly source: string;
  readonly location: string;
  readonly run: string;
  readonly loggedModel: string;
  readonly description: string;
  readonly tags: Tags;
  readonly stage: Stage;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type RegistryEvent = EventOfKind<'registry'>;

/** A registered model with all its versions; small enough to be folded whole. */
export interface RegistryEntry {
  readonly model: RegisteredModelState;
  readonly versions: ReadonlyMap<number, ModelVersionState>;
}
export interface RegistryFolded {
  readonly entry: RegistryEntry | null;
  readonly verdict: FoldVerdict;
}

/** One event on the model of its (world, name). `taken` says whether another model has a name. */
export function foldRegistry(
  entry: RegistryEntry | null,
  event: RegistryEvent,
  taken: (name: string) => boolean,
): RegistryFolded {
  const no = (...reason: Parameters<typeof refused>): RegistryFolded => ({ entry, verdict: refused(...reason) });
  const { name } = event.data;
  if (event.name === 'RegisteredModelCreated') {
    if (entry) return no('ALREADY_EXISTS', `registered model "${name}" already exists`, 'data.name');
    const times = { createdAt: event.timeMs, updatedAt: event.timeMs };
    // field by field: what a message does not hold is only on its prototype
    const { world, description, tags } = event.data;
    const model = { world, name, description, tags: changedTags({}, tags, []), aliases: {}, lastVersion: 0, ...times };
    return { entry: { model, versions: new Map() }, verdict: accepted(null) };
  }
  if (!entry) return no('NOT_FOUND', `there is no registered model "${name}"`, 'data.name');
  const { model, versions } = entry;
  const touched = { ...model, updatedAt: event.timeMs };
  const yes = (next: RegistryEntry, number?: number): RegistryFolded => ({
    entry: next,
    verdict: accepted(null, number),
  });
  switch (event.name) {
    case 'RegisteredModelRenamed': {
      const { newName } = event.data;
      if (newName !== name && taken(newName))
        return no('ALREADY_EXISTS', `registered model "${newName}" already exists`, 'data.newName');
      const moved = [...versions].map(([number, version]) => [number, { ...version, name: newName }] as const);
      return yes({ model: { ...touched, name: newName }, versions: new Map(moved) });
    }
    case 'RegisteredModelChanged':
      return changeModel(entry, event);
    case 'RegisteredModelDeleted':
      return { entry: null, verdict: accepted(null) };
    case 'ModelVersionCreated': {
      const number = model.lastVersion + 1;
      const { world, source, location, run, loggedModel, description, tags } = event.data;
      const version: ModelVersionState = {
        world,
        name,
        version: number,
        source,
        location,
        run,
        loggedModel,
        description,
        tags: changedTags({}, tags, []),
        stage: 'None',
        createdAt: event.timeMs,
        updatedAt: event.timeMs,
      };
      return yes(
        { model: { ...touched, lastVersion: number }, versions: new Map(versions).set(number, version) },
        number,
      );
    }
    case 'ModelVersionChanged':
      return changeVersion(entry, event);
    case 'ModelVersionDeleted': {
      const { version } = event.data;
      if (!versions.has(version)) return noVersion(entry, version);
      const left = new Map(versions);
      left.delete(version);
      const aliases = Object.fromEntries(Object.entries(model.aliases).filter(([, number]) => number !== version));
      return yes({ model: { ...touched, aliases }, versions: left });
    }
  }
}

const noVersion = (entry: RegistryEntry, version: number | string): RegistryFolded => ({
  entry,
  verdict: refused('NOT_FOUND', `model "${entry.model.name}" has no version ${version}`, 'data.version'),
});

function changeModel(entry: RegistryEntry, { data, timeMs }: EventOf<'RegisteredModelChanged'>): RegistryFolded {
  const { model, versions } = entry;
  for (const version of Object.values(data.aliases))
    if (!versions.has(Number(version))) return noVersion(entry, version);
  const removed = new Set(data.aliasesRemoved);
  const aliases = Object.fromEntries([
    ...Object.entries(model.aliases).filter(([alias]) => !removed.has(alias)),
    ...Object.entries(data.aliases).map(([alias, version]) => [alias, Number(version)] as const),
  ]);
  const next = {
    ...model,
    description: data.hasDescription ? data.description : model.description,
    tags: changedTags(model.tags, data.tags, data.removed),
    aliases,
    updatedAt: timeMs,
  };
  return { entry: { model: next, versions }, verdict: accepted(null) };
}

function changeVersion(entry: RegistryEntry, { data, timeMs }: EventOf<'ModelVersionChanged'>): RegistryFolded {
  const known = entry.versions.get(data.version);
  if (!known) return noVersion(entry, data.version);
  const stage = stages.find((name) => name === data.stage);
  if (data.stage !== '' && stage === undefined) {
    const verdict = refused(
      'INVALID_ARGUMENT',
      `stage "${data.stage}" is not one of ${stages.join(', ')}`,
      'data.stage',
    );
    return { entry, verdict };
  }
  const versions = new Map(entry.versions);
  if (data.archiveOthers && stage !== undefined) {
    for (const [number, other] of versions)
      if (number !== data.version && other.stage === stage)
        versions.set(number, { ...other, stage: 'Archived', updatedAt: timeMs });
  }
  versions.set(data.version, {
    ...known,
    description: data.hasDescription ? data.description : known.description,
    tags: changedTags(known.tags, data.tags, data.removed),
    stage: stage ?? known.stage,
    updatedAt: timeMs,
  });
  return { entry: { model: { ...entry.model, updatedAt: timeMs }, versions }, verdict: accepted(null) };
}
