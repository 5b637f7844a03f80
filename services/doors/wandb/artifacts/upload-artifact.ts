import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Call } from '../call.js';
import type { World } from '../world.js';
import { worldOfArtifact } from './artifact-answers.js';
import { knownContents } from './artifact-contents.js';
import { manifestBytesMax, readManifest } from './artifact-manifest.js';
import { checkEntry, hexOfMd5 } from './artifact-names.js';
import { manifestKinds, recordOf, saveManifest, type StoredManifest } from './artifact-records.js';

type Kind = StoredManifest['kind'];
interface ManifestId {
  readonly artifact: string;
  readonly kind: Kind;
  readonly base: string | null;
}

/** The id of a manifest says all that is to be known of it: it is nothing before its bytes come. */
const manifestId = (id: ManifestId): string => Buffer.from(JSON.stringify(id)).toString('base64url');
function readManifestId(text: string): ManifestId {
  const said = jsonOf(Buffer.from(text, 'base64url').toString('utf8'));
  const { artifact, kind, base } = isObject(said) ? said : {};
  const known = manifestKinds.find((each) => each === kind);
  if (typeof artifact !== 'string' || !known || (base !== null && typeof base !== 'string'))
    throw new Rejection('NOT_FOUND', `there is no manifest with the id ${text.slice(0, 200)}`, 'artifactManifestID');
  return { artifact, kind: known, base };
}

/** `digest`: the MD5 of what will come, in base64; "" where it is not known yet. */
async function manifestAnswer(call: Call, id: ManifestId, digest: string) {
  const world = worldOfArtifact(call, id.artifact);
  await recordOf(world, id.artifact);
  const permit = { may: 'manifest', world: world.name, ...id, md5: digest, name: 'wandb_manifest.json' } as const;
  const uploadUrl = await call.storage.address(call.base, call.keyId, permit);
  const file = { id: 'manifest', name: permit.name, sizeBytes: 0, uploadUrl, uploadHeaders: [] };
  return { artifactManifest: { id: manifestId(id), file } };
}

export interface CreateManifestInput {
  readonly artifactID: string;
  readonly baseArtifactID?: string | null;
  readonly digest: string;
  readonly type?: Kind | null;
}
export const createManifest = (call: Call, { artifactID, baseArtifactID, digest, type }: CreateManifestInput) => {
  if (digest !== '') hexOfMd5(digest, 'digest');
  return manifestAnswer(call, { artifact: artifactID, kind: type ?? 'FULL', base: baseArtifactID ?? null }, digest);
};

export interface UpdateManifestInput {
  readonly artifactManifestID: string;
  readonly digest?: string | null;
  readonly baseArtifactID?: string | null;
}
export const updateManifest = (call: Call, { artifactManifestID, digest, baseArtifactID }: UpdateManifestInput) => {
  const id = readManifestId(artifactManifestID);
  if (digest) hexOfMd5(digest, 'digest');
  return manifestAnswer(call, { ...id, base: baseArtifactID ?? id.base }, digest ?? '');
};

/** Takes a manifest's bytes; refuses those that are none, or not what was said of them. */
export async function putManifest(
  world: World,
  { artifact, kind, base, md5 }: ManifestId & { md5: string },
  body: Readable,
): Promise<string> {
  await recordOf(world, artifact);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > manifestBytesMax)
      throw new Rejection(
        'TOO_LARGE',
        `manifest: it may have ${manifestBytesMax} bytes; this one has more`,
        'manifest',
      );
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const actual = createHash('md5').update(bytes).digest('base64');
  if (md5 !== '' && actual !== md5)
    throw new Rejection(
      'INVALID_ARGUMENT',
      `manifest: the bytes have the MD5 ${actual}, not ${md5}; send them again`,
      'md5',
    );
  readManifest(bytes);
  const { digest } = await world.backend.artifactStore.put(Readable.from([bytes]));
  await saveManifest(world, artifact, { kind, base, digest });
  return digest;
}

export interface FileSpec {
  readonly artifactID: string;
  readonly name: string;
  readonly md5: string;
}
/** Where each file goes, in the order asked; nowhere where its bytes are here already. */
export async function createFiles(call: Call, specs: readonly FileSpec[]) {
  const wanted = specs.map(({ artifactID, name, md5 }) => ({ artifactID, name: checkEntry(name), md5: hexOfMd5(md5) }));
  const known = new Map<string, ReadonlyMap<string, unknown>>();
  for (const artifactID of new Set(wanted.map((each) => each.artifactID))) {
    const world = worldOfArtifact(call, artifactID);
    await recordOf(world, artifactID);
    known.set(
      artifactID,
      await knownContents(
        world,
        wanted.map(({ md5 }) => md5),
      ),
    );
  }
  const nodes = await Promise.all(
    wanted.map(async ({ artifactID, name, md5 }) => {
      const permit = { may: 'content', world: worldOfArtifact(call, artifactID).name, md5, name } as const;
      const here = known.get(artifactID)!.has(md5);
      return {
        ...{ id: `${artifactID}/${name}`, name, displayName: name, sizeBytes: 0, storagePath: md5 },
        uploadUrl: here ? null : await call.storage.address(call.base, call.keyId, permit),
        ...{ uploadHeaders: [], uploadMultipartUrls: null },
        artifact: { id: artifactID },
      };
    }),
  );
  const edges = nodes.map((node, index) => ({ cursor: String(index), node }));
  return { files: { totalCount: edges.length, pageInfo: { endCursor: null, hasNextPage: false }, edges } };
}
