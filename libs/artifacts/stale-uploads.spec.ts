import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { streamOf } from './artifact-store.contract.js';
import { openDiskArtifactStore } from './disk-artifact-store.js';
import { keepUploadsClean, uploadsKeptMs } from './stale-uploads.js';

test('uploads are removed at start when nobody has gone on with them for a week, and failures are told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'runstream-stale-'));
  let nowMs = 1_700_000_000_000;
  const store = await openDiskArtifactStore({ dir, clock: () => nowMs });
  await store.append('old', 0, streamOf(Buffer.from('old')));
  nowMs += uploadsKeptMs;
  await store.append('new', 0, streamOf(Buffer.from('new')));
  nowMs += 1;
  const said: unknown[] = [];
  await keepUploadsClean(store, () => nowMs, (removed, error) => said.push([removed, error])).close(); // prettier-ignore
  expect(said).toEqual([[1, null]]);
  expect([await store.uploadedBytes('old'), await store.uploadedBytes('new')]).toEqual([0, 3]);
  // where there is nothing to remove nothing is said
  await keepUploadsClean(store, () => nowMs, (removed, error) => said.push([removed, error])).close(); // prettier-ignore
  expect(said).toHaveLength(1);
  await rm(dir, { recursive: true });
  await keepUploadsClean(
    store,
    () => nowMs,
    (_, error) => said.push(error),
  ).close();
  expect(said[1]).toMatchObject({ code: 'ENOENT' });
});
