import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '#libs/config/configuration.js';
import { Rejection, Unusable } from '#libs/domain/rejection.js';
import { SecretBox } from './secret-box.js';

type Place = Pick<Configuration, 'secretKeys' | 'dataDir' | 'log'>;
const fileOf = ({ dataDir }: Place): string => join(dataDir, 'secret.key');

/** The box of this installation: with the keys of RUNSTREAM_SECRET_KEY, else with the one in the data folder; null: there is none yet. */
export function secretBoxOf(place: Place): SecretBox | null {
  if (place.secretKeys.length > 0) return new SecretBox(place.secretKeys);
  let text: string;
  try {
    text = readFileSync(fileOf(place), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32)
    throw new Unusable(`${fileOf(place)} is no key of 32 bytes in base64; put it back from the backup`);
  return new SecretBox([key]);
}

/** The same, made where there is none. Processes that share no folder must be given one. */
export async function makeSecretBox(place: Place): Promise<SecretBox> {
  const known = secretBoxOf(place);
  if (known) return known;
  if (place.log.kind !== 'file')
    throw new Rejection(
      'INVALID_ARGUMENT',
      'RUNSTREAM_SECRET_KEY: needed to keep AWS keys where several processes share the work; give all of them the output of: openssl rand -base64 32',
      'RUNSTREAM_SECRET_KEY',
    );
  await mkdir(place.dataDir, { recursive: true });
  const path = fileOf(place);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // whoever is first has made it, whole
  await link(draft, path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await unlink(draft);
  return secretBoxOf(place)!;
}
