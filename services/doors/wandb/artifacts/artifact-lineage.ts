import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { ArtifactRow } from '#libs/runs/run-table.js';
import { mimeOf } from '../../shared/mime.js';
import type { Said } from '../../shared/command-log.js';
import type { World } from '../world.js';
import { heldFiles, readManifest, type Manifest } from './artifact-manifest.js';
import { knownContents, readBytes } from './artifact-contents.js';
import { readShownName, shownName } from './artifact-names.js';
import { findCollection, typeOf, versionOf, type Version } from './artifact-versions.js';

/** Of an artifact of more files only the first are also artifacts of the run by themselves: its manifest has them all. */
const filesShownMax = 1_000;
const eventsAtOnceMax = 500;

export const manifestOf = async ({ of, state }: Version): Promise<Manifest> =>
  readManifest(await readBytes(of.world, state.location));

interface Part {
  /** Behind the artifact's name; "" is the artifact itself, whose bytes are its manifest. */
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mime: string;
}

async function partsOf(version: Version): Promise<readonly Part[]> {
  const { of, state } = version;
  const bytes = await readBytes(of.world, state.location);
  const whole = { path: '', digest: state.location, sizeBytes: bytes.length, mime: 'application/json' };
  const held = [...heldFiles(readManifest(bytes))].slice(0, filesShownMax);
  const known = await knownContents(
    of.world,
    held.map(([, { md5 }]) => md5),
  );
  const files = held.flatMap(([path, { md5 }]) => {
    const file = known.get(md5);
    return file ? [{ path: `/${path}`, digest: file.digest, sizeBytes: file.sizeBytes, mime: mimeOf(path) }] : [];
  });
  return [whole, ...files];
}

/** That a run made an artifact: it and what lies in it are artifacts of the run. */
export async function tellLogged(version: Version, run: string, step: number | null): Promise<void> {
  if (run === '') return;
  const { of, state } = version;
  const name = shownName(of.name, state.version);
  const events = (await partsOf(version)).map(({ path, ...part }): Said<'ArtifactLogged'> => ({
    name: 'ArtifactLogged',
    subject: run,
    data: { name: `${name}${path}`, type: typeOf(of), ...part, metadata: {}, step: step ?? 0, hasStep: step !== null },
  }));
  await tellAll(of.world, events);
}

/** That a run read it. */
export async function tellUsed(world: World, project: ProjectState, run: string, version: Version): Promise<void> {
  const { of, state } = version;
  const own = of.project.name === project.name;
  const name = `${own ? '' : `${of.world.entity}/${of.project.title}/`}${shownName(of.name, state.version)}`;
  const events = (await partsOf(version)).map(({ path, digest }): Said<'ArtifactUsed'> => ({
    name: 'ArtifactUsed',
    subject: run,
    data: { digest, name: `${name}${path}`, fromRun: state.run },
  }));
  await tellAll(world, events);
}

async function tellAll(world: World, events: readonly Said[]): Promise<void> {
  for (let from = 0; from < events.length; from += eventsAtOnceMax)
    await world.log.tell(...events.slice(from, from + eventsAtOnceMax));
}

/** The versions that a run made or read, newest last. */
export async function versionsOfRun(
  world: World,
  project: ProjectState,
  run: string,
  kind: 'logged' | 'used',
  entityWorld: (entity: string) => World,
): Promise<readonly Version[]> {
  await world.log.subjectsSettled([run]);
  const found: Version[] = [];
  for (const row of await world.backend.runTable.artifacts(run, kind)) {
    const version = await versionOfRow(world, project, row, entityWorld);
    if (version) found.push(version);
  }
  return found;
}

async function versionOfRow(
  world: World,
  project: ProjectState,
  row: ArtifactRow,
  entityWorld: (entity: string) => World,
) {
  const named = row.type === 'file' ? null : readShownName(row.name);
  if (!named) return null;
  const other = named.entity === null ? world : entityWorld(named.entity);
  const its = named.project === null ? project : await other.projectNamed(named.project);
  const of = its && (await findCollection(other, its, named.collection));
  const version = of && versionOf(of, `v${named.version - 1}`);
  return version?.state.location === row.digest ? version : null;
}

/** The runs that read it; others may have read the same content under another name. */
export async function runsUsing({ of, state }: Version): Promise<readonly string[]> {
  const { runTable } = of.world.backend;
  await of.world.log.settled();
  const { usedBy } = await runTable.artifactLineage(state.location);
  const own = shownName(of.name, state.version);
  const elsewhere = `${of.world.entity}/${of.project.title}/${own}`;
  const runs: string[] = [];
  for (const run of usedBy) {
    const project = (await runTable.run(run))?.project;
    const wanted = project === of.project.name ? own : elsewhere;
    if (
      (await runTable.artifacts(run, 'used')).some(({ name, digest }) => name === wanted && digest === state.location)
    )
      runs.push(run);
  }
  return runs;
}
