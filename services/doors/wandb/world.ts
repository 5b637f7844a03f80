import type { Backend } from '#libs/backend/backend.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { CommandLog } from '../shared/command-log.js';
import { Records } from '../shared/records.js';
import { Tenant } from '../shared/tenant.js';
import { Turns } from '../shared/turns.js';
import { worldFor } from './artifacts/artifact-names.js';
import { checkProject, defaultProject, entityOf } from './entities.js';

export const source = 'wandb';

/** A tenant in the words of W&B, which calls it an entity. */
export class World extends Tenant {
  /** What artifacts are before they have a number. */
  readonly records: Records;
  private readonly turns = new Turns();

  constructor(name: string, backend: Backend, log: CommandLog) {
    super(name, backend, log);
    this.records = new Records({ world: worldFor('records', name), subject: 'wandb-records' }, backend, log);
  }

  get entity(): string {
    return entityOf(this.name);
  }

  /** One after the other for what has a name: looking and then writing is one step within this process. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.turns.take(name, work);
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
