import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Filter } from '#libs/runs/search/ast.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { ownPrefix, type SageMakerWorld } from './world.js';

/**
 * Which trials, and by them which experiments, a component belongs to: many to many, so each is a tag of the run. The run itself is at
 * home in the project of the first, in a group of that trial's name. Runs of other clients belong to the experiment of their project.
 */
export const nameTag = `${ownPrefix}name`;
const trialPrefix = `${ownPrefix}trial.`;
const experimentPrefix = `${ownPrefix}experiment.`;
export const trialTag = (key: string): string => `${trialPrefix}${key}`;
export const experimentTag = (number: number): string => `${experimentPrefix}${number}`;

const tagKeys = ({ state }: TrackedRun, prefix: string): readonly string[] =>
  Object.keys(state.tags).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
export const trialKeysOf = (run: TrackedRun): readonly string[] => tagKeys(run, trialPrefix);
export const experimentNumbersOf = (run: TrackedRun): readonly number[] => tagKeys(run, experimentPrefix).map(Number);
/** Made by a client of SageMaker's API. */
export const ownComponent = ({ state }: TrackedRun): boolean => Object.hasOwn(state.tags, nameTag);

export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'experiment'; readonly project: ProjectState }
  | { readonly kind: 'trial'; readonly key: string };

const tagged = (key: string, negated = true): Filter => ({ kind: 'null', of: { kind: 'tags', key }, negated });

function filterOf(scope: Scope): Filter | null {
  switch (scope.kind) {
    case 'all':
      return null;
    case 'trial':
      return tagged(trialTag(scope.key));
    case 'experiment': {
      const { name, number } = scope.project;
      const at: Filter = {
        kind: 'compare',
        of: { kind: 'attributes', key: 'project' },
        operator: '=',
        value: name,
        at: 0,
      };
      const foreign: Filter = { kind: 'and', parts: [at, tagged(nameTag, false)] };
      return { kind: 'or', parts: [tagged(experimentTag(number)), foreign] };
    }
  }
}

const sliceRows = 500;

/** The components of a scope that are not deleted, newest first. */
export async function componentsOf(
  world: SageMakerWorld,
  scope: Scope,
  max = Infinity,
): Promise<readonly TrackedRun[]> {
  await world.log.settled();
  const projects = (await world.activeProjects()).map(({ name }) => name);
  const query = {
    projects,
    deletedProjects: [],
    view: 'active',
    filter: filterOf(scope),
    source: '',
    orders: [],
    shown: null,
  } as const;
  const found: TrackedRun[] = [];
  for (;;) {
    const limit = Math.min(sliceRows, max - found.length);
    const rows = await world.backend.tracking.search({ ...query, limit, offset: found.length });
    found.push(...rows.slice(0, limit));
    if (rows.length <= limit || found.length >= max) return found;
  }
}
