import type { Backend } from '#libs/backend/backend.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { AwsError } from '../../http/aws-error.js';
import type { CommandLog } from '../shared/command-log.js';
import { Records } from '../shared/records.js';
import { Tenant } from '../shared/tenant.js';
import { Turns } from '../shared/turns.js';
import { accountOf, keyOf, validName } from './arns.js';
import { CountedSteps } from './counted-steps.js';

export const source = 'sagemaker';
/** Tags of ours that hold what only SageMaker's clients say. Nobody is shown them as tags. */
export const ownPrefix = 'runstream.sagemaker.';
export const missing = (message: string): AwsError => new AwsError('ResourceNotFound', message);

/** A tenant in the words of SageMaker, which knows everything by name, whatever its case. */
export class SageMakerWorld extends Tenant {
  readonly account: string;
  readonly records: Records;
  readonly steps: CountedSteps;
  private readonly turns = new Turns();

  constructor(name: string, backend: Backend, log: CommandLog) {
    super(name, backend, log);
    this.account = accountOf(name);
    this.records = new Records({ world: `aws.${name}`.slice(0, 64), subject: 'sagemaker-records' }, backend, log);
    this.steps = new CountedSteps(backend, log);
  }

  async experimentNamed(name: string): Promise<ProjectState | null> {
    const key = keyOf(name);
    const exact = (each: ProjectState): boolean => !each.deleted && each.title === name;
    const alike = (each: ProjectState): boolean => !each.deleted && keyOf(validName(each.title)) === key;
    const known = await this.projects();
    return known.find(exact) ?? known.find(alike) ?? (await this.findProject(exact)) ?? this.findProject(alike);
  }
  async experiment(name: string): Promise<ProjectState> {
    const found = await this.experimentNamed(name);
    if (!found) throw missing(`Experiment '${name}' does not exist.`);
    return found;
  }
  async activeProjects(): Promise<readonly ProjectState[]> {
    return (await this.projects()).filter(({ deleted }) => !deleted);
  }

  /** One after the other for what has a name: looking and then writing is one step within this process. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.turns.take(name, work);
  }
}
