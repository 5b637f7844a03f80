import { createHash } from 'node:crypto';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import { wellFormed } from './well-formed.js';

/** Everybody's entity: what a client is told that it is, and where it logs when it names none. */
export const defaultEntity = 'runstream';
/** Where runs go whose program names no project: W&B's own name for it. */
export const defaultProject = 'uncategorized';

/** The tenant an entity is; W&B does not tell upper from lower case in them. */
export const tenantOf = (entity: string | null | undefined): string => {
  const name = (entity ?? '').trim().toLowerCase();
  return name === defaultEntity ? '' : name;
};
export const entityOf = (tenant: string): string => (tenant === '' ? defaultEntity : tenant);

const digestOf = (...texts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 8);
const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, 48);

/** What the ids of a project's runs begin with. */
function prefixOf(tenant: string, project: string): string {
  const slug = plain(project);
  return tenant === '' && slug === project
    ? `${slug}.`
    : `${plain(entityOf(tenant))}-${slug}-${digestOf(tenant, project)}.`;
}

/**
 * W&B's run ids are unique within a project, ours everywhere: "vision.abc12xyz" is the run "abc12xyz" of the project "vision". Found
 * without asking anybody, so that a write needs no read model.
 */
export function subjectOf(tenant: string, project: string, run: string): string {
  const prefix = prefixOf(tenant, project);
  const charsMax = limits.runIdCharsMax - prefix.length;
  if (run.length <= charsMax && /^[A-Za-z0-9._-]+$/.test(run)) return prefix + run;
  return `${prefix}${run.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, charsMax - 10)}--${digestOf(run)}`;
}

/** The tag that keeps a run's id where it can't be read from the subject. */
export const runIdTag = 'wandb.run_id';
export const sweepTag = 'wandb.sweep';
/** The attempt that a scheduler takes away, as its program has said: it did not fail. */
export const preemptedTag = 'wandb.preempting';
/** A job type that was changed after the start, which only a start says of a run. */
export const jobTypeTag = 'wandb.job_type';

/** The id that a client knows a run by; runs of other clients have their own. */
export function runNameOf(project: ProjectState, subject: string, tags: Readonly<Record<string, string>>): string {
  const kept = Object.hasOwn(tags, runIdTag) ? tags[runIdTag]! : '';
  if (kept !== '') return kept;
  const prefix = prefixOf(project.world, project.title);
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : subject;
}

/** What W&B itself lets be the name of a project, and an id of a run. */
export function checkProject(name: string): string {
  if (name.trim() === '' || name.length > 128 || /[/\\#?%:\u0000-\u001f]/.test(name))
    throw new Rejection(
      'INVALID_ARGUMENT',
      `invalid project name "${name.slice(0, 80)}": 1 to 128 characters, none of / \\ # ? % :`,
      'modelName',
    );
  return wellFormed(name);
}
export function checkRunName(id: string): string {
  if (id.trim() === '' || id.length > 128 || /[/\\#?%:\u0000-\u001f]/.test(id))
    throw new Rejection(
      'INVALID_ARGUMENT',
      `invalid run id "${id.slice(0, 80)}": 1 to 128 characters, none of / \\ # ? % :`,
      'name',
    );
  return wellFormed(id);
}
