import type { ArtifactRow } from './run-table.js';

export type ArtifactVersion = ArtifactRow & { readonly version: number };

/**
 * Files of a run with the version each is of its name, from 1: in order of their steps, of equal steps in order of their times. A file
 * that was logged without a step stands where it was logged.
 */
export function versionsOf(files: readonly ArtifactRow[]): readonly ArtifactVersion[] {
  const byName = new Map<string, ArtifactRow[]>();
  for (const file of files) {
    const known = byName.get(file.name);
    if (known) known.push(file);
    else byName.set(file.name, [file]);
  }
  return [...byName.values()].flatMap((same) =>
    placed(same.toSorted((a, b) => a.loggedAt - b.loggedAt)).map((file, index) => ({ ...file, version: index + 1 })),
  );
}

function placed(files: readonly ArtifactRow[]): readonly ArtifactRow[] {
  let step = -Infinity;
  const at = files.map((file) => ({ file, step: (step = file.step ?? step) }));
  return at.toSorted((a, b) => (a.step === b.step ? 0 : a.step - b.step)).map(({ file }) => file);
}

/** The last version of each name. */
export const newestOf = (files: readonly ArtifactVersion[]): readonly ArtifactVersion[] => [
  ...new Map(files.map((file) => [file.name, file])).values(),
];
