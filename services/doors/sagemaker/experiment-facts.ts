import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Tags } from '#libs/domain/event.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { validName } from './arns.js';
import { invalid } from './read-input.js';
import { ownPrefix } from './world.js';

/** What SageMaker's clients say of an experiment beside its name and tags. */
export const ownTag = `${ownPrefix}experiment`;
export interface Own {
  readonly displayName?: string;
  readonly description?: string;
  /** Of the call that made it. */
  readonly invocation?: string;
  readonly createdBy?: string;
  readonly createdAt?: number;
  readonly modifiedBy?: string;
  readonly modifiedAt?: number;
}
export function ownOf({ tags }: ProjectState): Own {
  const said = jsonOf(tags[ownTag] ?? '');
  return isObject(said) ? said : {};
}

export const experimentName = ({ title }: ProjectState): string => validName(title);
export const publicTags = (tags: Tags): readonly (readonly [string, string])[] =>
  Object.entries(tags).filter(([key]) => !key.startsWith('runstream.'));
export const createdAtOf = (project: ProjectState): number => ownOf(project).createdAt ?? project.createdAt;

export const tagsOf = (tags: readonly { readonly Key: string; readonly Value: string }[] | undefined): Tags => {
  if (tags?.some(({ Key }) => Key.startsWith('runstream.')))
    throw invalid("Tags that begin with 'runstream.' are those of the server itself.");
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]));
};
