import { z } from 'zod';
import type { World } from '../world.js';
import { noArtifact, readArtifactId, sha256 } from './artifact-names.js';

/** What a client said of an artifact when it began it. It becomes a version of its collection when it is committed. */
const record = z.object({
  id: z.string(),
  project: z.string(),
  collection: z.string(),
  type: z.string(),
  digest: z.string(),
  description: z.string(),
  metadata: z.string().nullable(),
  aliases: z.array(z.string()),
  tags: z.array(z.string()),
  run: z.string(),
  step: z.number().nullable(),
  ttlSeconds: z.number().nullable(),
  clientId: z.string(),
  createdAt: z.number(),
  /** Somebody committed the same content first: that is what it is. */
  sameAs: z.string().nullable(),
  deleted: z.boolean(),
});
export type ArtifactRecord = z.infer<typeof record>;
const pointer = z.object({ id: z.string() });

const recordPath = (id: string): string => `artifacts/${readArtifactId(id).number}`;

export async function recordOf(world: World, id: string): Promise<ArtifactRecord> {
  const found = await world.records.get(record, recordPath(id));
  if (found?.id !== id) throw noArtifact(id);
  return found;
}
export const saveRecord = (world: World, each: ArtifactRecord): Promise<void> =>
  world.records.put(recordPath(each.id), each);

/** A client knows an artifact by an id of its own before this server has given it one; so do processes that make one together. */
export type OwnId = 'clients' | 'distributed';
const ownPath = (kind: OwnId, id: string): string => `${kind}/${sha256(id)}`;
export const rememberOwnId = (world: World, kind: OwnId, own: string, id: string): Promise<void> =>
  world.records.put(ownPath(kind, own), { id });
export async function artifactOfOwnId(world: World, kind: OwnId, own: string): Promise<string | null> {
  return (await world.records.get(pointer, ownPath(kind, own)))?.id ?? null;
}

/** A manifest that came: the whole, what is changed of a base, or the part of one of several processes. */
const stored = z.object({
  kind: z.enum(['FULL', 'INCREMENTAL', 'PATCH']),
  base: z.string().nullable(),
  digest: z.string(),
});
export type StoredManifest = z.infer<typeof stored>;
export const manifestKinds = stored.shape.kind.options;

export async function saveManifest(world: World, id: string, manifest: StoredManifest): Promise<void> {
  // of those that hold all there is one; each process has a part of its own
  const name = manifest.kind === 'PATCH' ? `PATCH.${manifest.digest.slice(7, 39)}` : manifest.kind;
  await world.records.put(`manifests/${readArtifactId(id).number}/${name}`, manifest);
}
export const manifestsOf = (world: World, id: string): Promise<readonly StoredManifest[]> =>
  world.records.list(stored, `manifests/${readArtifactId(id).number}`);
