import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { Tenant } from '../shared/tenant.js';
import { checkProject, defaultProject, entityOf } from './entities.js';

export const source = 'wandb';

/** A tenant in the words of W&B, which calls it an entity. */
export class World extends Tenant {
  get entity(): string {
    return entityOf(this.name);
  }

  projectNamed(title: string): Promise<ProjectState | null> {
    return this.findProject((each) => each.title === title && each.createdAt !== 0 && !each.deleted);
  }

  /** Made where it is not there: a program that names a project has it. */
  async projectFor(given: string | null | undefined): Promise<ProjectState> {
    const title = checkProject(given || defaultProject);
    const known = await this.projectNamed(title);
    if (known) return known;
    const data = { description: '', tags: {}, world: this.name, title };
    try {
      await this.log.command({ name: 'ProjectCreated', subject: await this.keyFor(title), data });
    } catch (error) {
      // somebody was faster
      if (!(error instanceof Rejection && error.code === 'ALREADY_EXISTS')) throw error;
    }
    this.projectsChanged();
    const made = await this.projectNamed(title);
    if (!made)
      throw new Rejection(
        'NOT_FOUND',
        `project "${title}" of ${this.entity} is deleted; restore it first`,
        'modelName',
      );
    return made;
  }
}
