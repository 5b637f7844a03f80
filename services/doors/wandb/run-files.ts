import { text as readText } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { ArtifactStat } from '#libs/artifacts/artifact-store.js';
import { Rejection } from '#libs/domain/rejection.js';
import { newestOf, versionsOf } from '#libs/runs/artifact-versions.js';
import type { ArtifactRow } from '#libs/runs/run-table.js';
import { mimeOf } from '../shared/mime.js';
import { environmentFiles, environmentWith } from './run-environment.js';
import { isOfArtifact } from './artifacts/artifact-names.js';
import type { World } from './world.js';

/** A file that tells of the environment is read as text up to here. */
const environmentBytesMax = 4 * 1024 * 1024;

/** The name of a file of a run: a path below it, and nothing else. */
export function checkFileName(name: string): string {
  const parts = name.split('/');
  if (
    name === '' ||
    name.length > 1_000 ||
    /[\\\u0000-\u001f\u007f]|\p{Surrogate}/u.test(name) ||
    parts.some((part) => part === '' || part === '.' || part === '..')
  )
    throw new Rejection('INVALID_ARGUMENT', `files: "${name.slice(0, 100)}" is not a path below the run`, 'files');
  return name;
}

const pathOf = (run: string, name: string): string => `wandb/${run}/files/${name}`;

/** Environments are put together of several files, one at a time for each run. */
export class RunFiles {
  private readonly turns = new Map<string, Promise<void>>();

  /** Keeps the bytes and says so in the log. */
  async put(world: World, run: string, name: string, bytes: Readable, sizeBytes: number | null): Promise<ArtifactStat> {
    const { artifactStore } = world.backend;
    const stat = await artifactStore.put(bytes, sizeBytes === null ? undefined : { sizeBytes });
    const data = { world: world.name, path: pathOf(run, name), ...stat, mime: mimeOf(name), artifact: name };
    await world.log.tell({ name: 'FileStored', subject: run, data });
    if (environmentFiles.has(name) && stat.sizeBytes <= environmentBytesMax) {
      const before = this.turns.get(run) ?? Promise.resolve();
      const turn = before.then(() => this.environment(world, run, name, stat));
      const kept = turn.catch(() => undefined);
      this.turns.set(run, kept);
      void kept.then(() => {
        if (this.turns.get(run) === kept) this.turns.delete(run);
      });
      await turn;
    }
    return stat;
  }

  private async environment(world: World, run: string, name: string, { digest }: ArtifactStat): Promise<void> {
    await world.log.subjectsSettled([run]);
    const [tracked] = await world.backend.tracking.runs([run]);
    const text = name === 'diff.patch' ? '' : await readText(await world.backend.artifactStore.get(digest));
    const environment = environmentWith(tracked?.state.environment.value ?? null, { name, text, digest });
    if (environment) await world.log.tell({ name: 'EnvironmentCaptured', subject: run, data: { environment } });
  }

  /** The last version of each file, by name. */
  async list(world: World, run: string): Promise<readonly ArtifactRow[]> {
    await world.log.subjectsSettled([run]);
    const rows = (await world.backend.runTable.artifacts(run, 'logged')).filter(
      ({ type, name }) => type === 'file' || !isOfArtifact(name),
    );
    return newestOf(versionsOf(rows)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(world: World, run: string, name: string): Promise<void> {
    const data = { world: world.name, path: pathOf(run, name), artifact: name };
    await world.log.tell({ name: 'FileRemoved', subject: run, data });
  }
}
