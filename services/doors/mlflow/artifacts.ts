import type { FastifyReply, FastifyRequest } from 'fastify';
import { modelLocation, storedPath } from '#libs/domain/artifact-location.js';
import type { ArtifactStat } from '#libs/artifacts/artifact-store.js';
import { Rejection } from '#libs/domain/rejection.js';
import { newestOf, versionsOf } from '#libs/runs/artifact-versions.js';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import { logged } from '../../http/answer-headers.js';
import { artifactBody } from '../../http/artifact-body.js';
import type { Answer, Call } from './call.js';
import type { Tenant } from '../shared/tenant.js';
import type { World } from './world.js';
import { MlflowError, invalid } from './mlflow-error.js';
import { loggedModel } from './logged-models.js';
import { tellMedia } from './logged-media.js';
import { mimeOf } from '../shared/mime.js';
import { runArtifacts } from './run-answers.js';
import { runIdOf } from './runs.js';

/** Paths are only names of the log's facts; yet what would be dangerous in a folder is refused as MLflow refuses it. */
export function checkPath(path: string): string {
  let decoded = path;
  for (let round = 0; round < 10; round++) {
    const next = decodeOnce(decoded);
    if (next === decoded) break;
    decoded = next;
  }
  const parts = decoded.split('/');
  const bad =
    path === '' ||
    path.length > 4_000 ||
    decoded.startsWith('/') ||
    /[\\#\u0000-\u001f\u007f]|\p{Surrogate}/u.test(decoded) ||
    /^[a-z]:/i.test(decoded) ||
    parts.some((part) => part === '..' || part === '.' || part === '');
  if (bad) throw invalid('Invalid path');
  return path;
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The rest of the address as it was written, decoded exactly once: names hold "+" and "%". */
export function pathOf(encoded: string): string {
  try {
    return checkPath(decodeURIComponent(encoded.replace(/\/+$/, '')));
  } catch (error) {
    if (error instanceof URIError) throw invalid('Invalid path');
    throw error;
  }
}

/** Whose file a path is: a run's, a logged model's, a trace's, or nobody's. One path always has the same owner. */
export function ownerOf(path: string): { readonly subject: string; readonly artifact: string } {
  const run = /(?:^|\/)([0-9a-f]{32})\/artifacts\/(.+)$/s.exec(path);
  if (run) return { subject: run[1]!, artifact: run[2]! };
  const other = /(?:^|\/)(?:models|traces)\/((?:m|tr)-[0-9a-zA-Z]{1,60})\/artifacts\//.exec(path);
  return { subject: other?.[1] ?? 'mlflow-files', artifact: '' };
}

export async function putFile(world: World, path: string, request: FastifyRequest): Promise<void> {
  const length = request.headers['content-length'];
  const expected = length === undefined ? undefined : { sizeBytes: Number(length) };
  const { artifactStore, configuration } = world.backend;
  try {
    const body = artifactBody(request.raw, configuration.artifactBytesMax);
    await keepFile(world, path, await artifactStore.put(body, expected));
  } catch (error) {
    if (error instanceof Rejection && error.code === 'TOO_LARGE')
      throw new MlflowError('ARTIFACT_TOO_LARGE', error.message);
    throw error;
  }
}

/** Says in the log which bytes are at a path. */
export async function keepFile(world: Tenant, path: string, stat: ArtifactStat): Promise<void> {
  const { subject, artifact } = ownerOf(path);
  const data = { world: world.name, path, ...stat, mime: mimeOf(path), artifact };
  await world.log.tell({ name: 'FileStored', subject, data });
  if (artifact !== '') await tellMedia(world, subject, artifact, stat);
}

export async function fileAt(world: World, path: string): Promise<StoredFile> {
  await world.log.subjectsSettled([ownerOf(path).subject]);
  const file = (await world.backend.tracking.files.file(world.name, path)) ?? (await loggedFile(world, path));
  if (!file) throw new MlflowError('RESOURCE_DOES_NOT_EXIST', `No such artifact: '${path}'`);
  return file;
}

export async function sendFile(world: World, path: string, reply: FastifyReply, headOnly: boolean): Promise<void> {
  const file = await fileAt(world, path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  void reply
    .header('content-type', file.mime)
    .header('content-length', String(file.sizeBytes))
    .header('content-disposition', contentDisposition(name))
    .headers(logged);
  await reply.send(headOnly ? undefined : await world.backend.artifactStore.get(file.digest));
}

/** The name in both forms: older parsers know only the first, which is ASCII. */
function contentDisposition(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]/g, '_').replaceAll(/["\\]/g, '\\$&');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name)}`;
}

/** Addresses are good for as long as a client takes for a large file; it asks again when they are not. */
const presignedGoodForS = 3_600;

/** Where a client reads a file from the store itself, past us, in whatever ranges it likes. */
export async function presignedDownload(world: World, path: string): Promise<Answer> {
  const { links } = world.backend.artifactStore;
  if (!links)
    throw new MlflowError('NOT_IMPLEMENTED', 'Presigned URLs are not supported for the current artifact repository');
  const { digest, sizeBytes } = await fileAt(world, path);
  const url = await links.download(digest, presignedGoodForS, path.slice(path.lastIndexOf('/') + 1));
  return { url, headers: {}, file_size: sizeBytes };
}

/** A file, or everything below a folder. What is not there is gone already. */
export async function removeFiles(world: World, path: string): Promise<void> {
  await world.log.subjectsSettled([ownerOf(path).subject]);
  const files = await world.backend.tracking.files.below(world.name, path);
  await world.log.tell(
    ...files.map((file) => {
      const { subject, artifact } = ownerOf(file.path);
      return { name: 'FileRemoved' as const, subject, data: { world: world.name, path: file.path, artifact } };
    }),
  );
}

/** "1/abc/artifacts/plots/a.png" -> the run "abc", its file "plots/a.png". */
const artifactPath = /^(?:.*\/)?([A-Za-z0-9][\w.-]{0,127})\/artifacts(?:\/(.*))?$/s;

/** Files that another client than MLflow's logged to a run of this world, the last version of each; none where it is no such run. */
async function loggedFiles(world: World, run: string): Promise<readonly StoredFile[]> {
  const known = await world.backend.runTable.run(run);
  if (!known || !(await world.experimentOfKey(known.project))) return [];
  const rows = await world.backend.runTable.artifacts(run, 'logged');
  return newestOf(versionsOf(rows)).map(({ name, digest, sizeBytes, mime }) => ({
    path: name,
    digest,
    sizeBytes,
    mime: mime === '' ? mimeOf(name) : mime,
  }));
}

async function loggedFile(world: World, path: string): Promise<StoredFile | null> {
  const [, run, name] = artifactPath.exec(path) ?? [];
  if (run === undefined || name === undefined) return null;
  return (await loggedFiles(world, run)).find((file) => file.path === name) ?? null;
}

/** The next level of names below a folder of a run. */
async function loggedBelow(world: World, folder: string): Promise<readonly Listed[]> {
  const [, run, below = ''] = artifactPath.exec(folder) ?? [];
  if (run === undefined) return [];
  const prefix = below === '' ? '' : `${below}/`;
  const found = new Map<string, Listed>();
  for (const { path, sizeBytes } of await loggedFiles(world, run)) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...deeper] = path.slice(prefix.length).split('/');
    if (deeper.length > 0) found.set(name, { path: name, is_dir: true });
    else found.set(name, { path: name, is_dir: false, file_size: sizeBytes });
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Listed {
  readonly path: string;
  readonly is_dir: boolean;
  readonly file_size?: number;
}

/** Names within a folder; of a file, the file itself. */
async function listed(world: World, folder: string): Promise<readonly Listed[]> {
  await world.log.subjectsSettled([ownerOf(`${folder}/x`).subject, ownerOf(folder).subject]);
  const { files } = world.backend.tracking;
  const entries = await files.list(world.name, folder);
  if (entries.length === 0 && folder !== '') {
    const logged = await loggedBelow(world, folder);
    if (logged.length > 0) return logged;
    const file = (await files.file(world.name, folder)) ?? (await loggedFile(world, folder));
    return file ? [{ path: folder.slice(folder.lastIndexOf('/') + 1), is_dir: false, file_size: file.sizeBytes }] : [];
  }
  return entries.map(({ name, folder: is_dir, sizeBytes }) =>
    is_dir ? { path: name, is_dir } : { path: name, is_dir, file_size: sizeBytes },
  );
}

export async function listFiles({ world, fields }: Call): Promise<Answer> {
  const path = fields.text('path').replace(/\/+$/, '');
  const files = await listed(world, path === '' ? '' : checkPath(path));
  return files.length > 0 ? { files } : {};
}

/** The path within our own store; bytes that lie elsewhere do not go through this server. */
function proxied(uri: string): string {
  const path = storedPath(uri);
  if (path === null) throw invalid(`The artifacts at '${uri}' are not kept by this server`);
  return path;
}

async function listBelow(world: World, root: string, path: string): Promise<Answer> {
  const folder = path === '' ? proxied(root) : `${proxied(root)}/${checkPath(path.replace(/\/+$/, ''))}`;
  const prefix = path === '' ? '' : `${path.replace(/\/+$/, '')}/`;
  const files = (await listed(world, folder)).map((file) => ({ ...file, path: `${prefix}${file.path}` }));
  // what was asked for is a file: as such it holds nothing
  const only = files.length === 1 && !files[0]!.is_dir && folder.endsWith(`/${files[0]!.path.slice(prefix.length)}`);
  return { root_uri: root, ...(files.length > 0 && !only ? { files } : {}) };
}

export async function listArtifacts({ world, fields }: Call): Promise<Answer> {
  const { run, experiment } = await world.run(runIdOf(fields));
  return listBelow(world, runArtifacts(experiment, run.state.id), fields.text('path'));
}
export async function listModelArtifacts({ world, fields, path }: Call): Promise<Answer> {
  const { model, experiment } = await loggedModel(world, path[0]!);
  return listBelow(world, modelLocation(experiment, model.id), fields.text('artifact_directory_path'));
}

/** Where a browser finds an artifact of a run, of a model version, of a logged model. */
export async function runFile({ world, fields }: Call): Promise<string> {
  const { run, experiment } = await world.run(runIdOf(fields));
  return `${proxied(runArtifacts(experiment, run.state.id))}/${checkPath(fields.required('path'))}`;
}
export async function versionFile({ world, fields }: Call): Promise<string> {
  const [name, number] = [fields.required('name'), fields.requiredWhole('version')];
  const version = (await world.backend.registry.versions(world.name, name)).find((each) => each.version === number);
  if (!version)
    throw new MlflowError('RESOURCE_DOES_NOT_EXIST', `Model Version (name=${name}, version=${number}) not found`);
  return `${proxied(version.location)}/${checkPath(fields.required('path'))}`;
}
export async function modelFile({ world, fields, path }: Call): Promise<string> {
  const { model, experiment } = await loggedModel(world, path[0]!);
  return `${proxied(modelLocation(experiment, model.id))}/${checkPath(fields.required('artifact_file_path'))}`;
}
