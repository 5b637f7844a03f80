import { createHash } from 'node:crypto';
import { z } from 'zod';
import { jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import { checkEntry, hexOfMd5 } from './artifact-names.js';

/** What a client says of itself beside what is known here is kept as it said it. */
const entry = z.looseObject({
  digest: z.string().max(1_000),
  ref: z.string().max(100_000).nullish(),
  size: z.number().int().min(0).nullish(),
});
const shape = z.looseObject({ version: z.literal(1), contents: z.record(z.string(), entry) });
export type Manifest = z.infer<typeof shape>;
export type ManifestEntry = z.infer<typeof entry>;

export const manifestBytesMax = 64 * 1024 * 1024;

/** Refuses what is no manifest and paths that lead elsewhere. */
export function readManifest(bytes: Buffer): Manifest {
  const read = shape.safeParse(jsonOf(bytes.toString('utf8')));
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join('.').slice(0, 200) ?? '';
    throw new Rejection(
      'INVALID_ARGUMENT',
      `manifest: ${where || 'it'} can't be read: ${issue?.message ?? ''}`,
      'manifest',
    );
  }
  for (const path of Object.keys(read.data.contents)) checkEntry(path);
  return read.data;
}

/** The MD5s of the files whose bytes are here; what is only referred to lies elsewhere. */
export function heldFiles({
  contents,
}: Manifest): ReadonlyMap<string, { readonly md5: string; readonly entry: ManifestEntry }> {
  const held = Object.entries(contents).filter(([, { ref }]) => typeof ref !== 'string' || ref === '');
  return new Map(
    held.map(([path, each]) => [path, { md5: hexOfMd5(each.digest, `manifest.contents.${path}.digest`), entry: each }]),
  );
}

/** The digest of an artifact, as its client computes it. */
export function digestOf({ contents }: Manifest): string {
  const hash = createHash('md5').update('wandb-artifact-manifest-v1\n');
  const lines = Object.entries(contents).map(([path, { digest }]) => [Buffer.from(path), digest] as const);
  lines.sort(([a], [b]) => Buffer.compare(a, b));
  for (const [path, digest] of lines) hash.update(path).update(`:${digest}\n`);
  return hash.digest('hex');
}

export const sizeOf = ({ contents }: Manifest): number =>
  Object.values(contents).reduce((sum, { size }) => sum + (size ?? 0), 0);

/** What `over` says takes the place of what is below it. */
export const merged = (below: Manifest, over: Manifest): Manifest => ({
  ...below,
  ...over,
  contents: Object.fromEntries([...Object.entries(below.contents), ...Object.entries(over.contents)]),
});
