import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';

/** Reading registered models. Their commands are events of the catalog; files and runs they point at are not its business. */
export interface ModelRegistry {
  /** By name. */
  models(world: string): Promise<readonly RegisteredModelState[]>;
  model(world: string, name: string): Promise<RegisteredModelState | null>;
  /** Of one model, or of all; by name and version. */
  versions(world: string, name?: string): Promise<readonly ModelVersionState[]>;
  /** Versions made of these runs. */
  versionsOfRuns(world: string, runs: readonly string[]): Promise<readonly ModelVersionState[]>;
}
