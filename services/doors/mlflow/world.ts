import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { contentId } from '../shared/command-log.js';
import { Tenant } from '../shared/tenant.js';
import { invalid, missing } from './mlflow-error.js';

export const source = 'mlflow';
/** The same id for the same content, so that a body that is sent again is known again. */
export const mlflowId = (kind: string, content: Uint8Array): string => contentId(source, kind, content);

export type Experiment = ProjectState;

/** A tenant in the words of MLflow, which calls projects experiments and knows them by number. */
export class World extends Tenant {
  readonly knownModels = new Set<string>();

  experiments(): Promise<readonly Experiment[]> {
    return this.projects();
  }
  experimentsChanged(): void {
    this.projectsChanged();
  }

  async experiment(id: string): Promise<Experiment> {
    if (!/^-?\d{1,18}$/.test(id))
      throw invalid(`Invalid experiment ID '${id.slice(0, 100)}'. Experiment ID must be a valid integer.`);
    const found = await this.findProject((each) => String(each.number) === String(Number(id)));
    if (!found) throw missing(`No Experiment with id=${id} exists`);
    return found;
  }

  experimentNamed(title: string): Promise<Experiment | null> {
    return this.findProject((each) => each.title === title);
  }

  experimentOfKey(key: string): Promise<Experiment | null> {
    return this.findProject((each) => each.name === key);
  }

  async active(id: string): Promise<Experiment> {
    const experiment = await this.experiment(id);
    if (experiment.deleted)
      throw invalid(`The experiment ${id} must be in the 'active' state. Current state is deleted.`);
    return experiment;
  }

  async run(id: string): Promise<{ readonly run: TrackedRun; readonly experiment: Experiment }> {
    const found = await this.findRun(id);
    if (!found) throw missing(`Run with id=${id} not found`);
    return { run: found.run, experiment: found.project };
  }

  /** Refuses what may not be written to. */
  async writable(id: string): Promise<void> {
    if (id === '') throw invalid("Missing value for required parameter 'run_id'.");
    if (this.wasActive(id)) return;
    const found = await this.findRun(id);
    if (!found) throw missing(`Run with id=${id} not found`);
    if (!found.active) throw invalid(`The run ${id} must be in the 'active' state. Current state is deleted.`);
  }
}
