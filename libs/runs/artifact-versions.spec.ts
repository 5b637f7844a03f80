import { describe, expect, it } from 'vitest';
import type { ArtifactRow } from '#libs/runs/run-table.js';
import { newestOf, versionsOf } from '#libs/runs/artifact-versions.js';

const file = (name: string, digest: string, loggedAt: number, step: number | null = null): ArtifactRow => ({
  run: 'r',
  name,
  type: 'model',
  digest,
  sizeBytes: 1,
  mime: '',
  metadata: {},
  step,
  loggedAt,
});
const digests = (files: readonly ArtifactRow[]): string[] => files.map(({ digest }) => digest);

describe('versions of artifacts', () => {
  it('lists each name once, in its newest version', () => {
    const files = versionsOf([
      file('model', 'a', 1),
      file('other', 'x', 2),
      file('model', 'b', 3),
      file('model', 'c', 2),
    ]);
    expect(digests(newestOf(files))).toEqual(['b', 'x']);
    expect(files.filter(({ name }) => name === 'model').map(({ digest, version }) => [digest, version])).toEqual([
      ['a', 1],
      ['c', 2],
      ['b', 3],
    ]);
  });

  it('takes the highest step for the newest, whenever it was delivered', () => {
    expect(digests(versionsOf([file('m', 'late', 9, 10), file('m', 'best', 5, 30), file('m', 'first', 1, 5)]))).toEqual(
      ['first', 'late', 'best'],
    );
  });

  it('takes a file without a step for the newest when it was logged after all others', () => {
    expect(digests(newestOf(versionsOf([file('m', 'a', 1, 10), file('m', 'final', 2)])))).toEqual(['final']);
  });
});
