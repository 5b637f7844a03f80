import { z } from 'zod';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { keyOf } from './arns.js';
import { missing, type SageMakerWorld } from './world.js';

const record = z.object({
  name: z.string(),
  displayName: z.string(),
  /** The number of the project it is in. */
  experiment: z.number(),
  metadata: z.record(z.string(), z.string()),
  tags: z.record(z.string(), z.string()),
  createdAt: z.number(),
  createdBy: z.string(),
  modifiedAt: z.number(),
  modifiedBy: z.string(),
  invocation: z.string(),
});
/** A group of runs. Its runs know it by their own tags (`membership.ts`). */
export type Trial = z.infer<typeof record>;
const folder = 'trials';
const pathOf = (name: string): string => `${folder}/${keyOf(name)}`;

export const findTrial = (world: SageMakerWorld, name: string): Promise<Trial | null> =>
  world.records.get(record, pathOf(name));
export async function trialNamed(world: SageMakerWorld, name: string): Promise<Trial> {
  const found = await findTrial(world, name);
  if (!found) throw missing(`Trial '${name}' does not exist.`);
  return found;
}
export const allTrials = (world: SageMakerWorld): Promise<readonly Trial[]> => world.records.list(record, folder);
export const trialsOf = async (world: SageMakerWorld, project: ProjectState): Promise<readonly Trial[]> =>
  (await allTrials(world)).filter(({ experiment }) => experiment === project.number);
export const saveTrial = (world: SageMakerWorld, trial: Trial): Promise<void> =>
  world.records.put(pathOf(trial.name), trial);

export const removeTrial = (world: SageMakerWorld, { name }: Trial): Promise<void> =>
  world.records.remove(pathOf(name));
