import { createHash } from 'node:crypto';
import type { Backend } from '#libs/backend/backend.js';
import { defaultTitle, type ProjectState } from '#libs/domain/catalog-fold.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { DoorLog } from './door-log.js';
import { invalid, missing } from './mlflow-error.js';

/** How long what was read of a run or a project is believed where another process may have changed it. */
const believedMs = 2_000;
const cachedMax = 50_000;

export type Experiment = ProjectState;
interface Cached<T> {
  readonly at: number;
  readonly value: T;
}

/** What all calls of one world share. A world is everybody's (""), or a tenant's: its names and numbers are its own. */
export class World {
  private readonly runs = new Map<string, Cached<{ readonly active: boolean }>>();
  private listed: Cached<readonly Experiment[]> | null = null;
  readonly knownModels = new Set<string>();

  constructor(
    readonly name: string,
    readonly backend: Backend,
    readonly log: DoorLog,
  ) {}

  /** All experiments, the one with id "0" always among them. */
  async experiments(): Promise<readonly Experiment[]> {
    const now = this.backend.clock();
    if (!this.log.shared && this.listed && now - this.listed.at < believedMs) return this.listed.value;
    await this.log.catalogSettled();
    const known = await this.backend.tracking.projects(this.name);
    const value = known.some(({ number }) => number === 0) ? known : [unborn(this.name), ...known];
    this.listed = { at: now, value };
    return value;
  }
  /** After a command about one of them. */
  experimentsChanged(): void {
    this.listed = null;
    this.runs.clear();
  }

  async experiment(id: string): Promise<Experiment> {
    if (!/^-?\d{1,18}$/.test(id))
      throw invalid(`Invalid experiment ID '${id.slice(0, 100)}'. Experiment ID must be a valid integer.`);
    const found = await this.find((each) => String(each.number) === String(Number(id)));
    if (!found) throw missing(`No Experiment with id=${id} exists`);
    return found;
  }

  async experimentNamed(title: string): Promise<Experiment | null> {
    return this.find((each) => each.title === title);
  }

  async experimentOfKey(key: string): Promise<Experiment | null> {
    return this.find((each) => each.name === key);
  }

  /** What is not in a believed list may be new. */
  private async find(matches: (each: Experiment) => boolean): Promise<Experiment | null> {
    const found = (await this.experiments()).find(matches);
    if (found) return found;
    this.listed = null;
    return (await this.experiments()).find(matches) ?? null;
  }

  async active(id: string): Promise<Experiment> {
    const experiment = await this.experiment(id);
    if (experiment.deleted)
      throw invalid(`The experiment ${id} must be in the 'active' state. Current state is deleted.`);
    return experiment;
  }

  /** Says that a project is there, where only its number was known: id "0" exists before anybody used it. */
  async born(experiment: Experiment): Promise<void> {
    if (experiment.createdAt !== 0) return;
    const data = { description: '', tags: {}, world: this.name, title: experiment.title };
    try {
      await this.log.command({ name: 'ProjectCreated', subject: experiment.name, data });
    } catch (error) {
      // somebody was faster
      if (!(error instanceof Rejection && error.code === 'ALREADY_EXISTS')) throw error;
    }
    this.listed = null;
  }

  /** A name for a new project: the title where it will do, for that is what the rest of Runstream shows. */
  async keyFor(title: string): Promise<string> {
    const clean = title.replaceAll(/[\u0000-\u001f\u007f]|\p{Surrogate}/gu, ' ').trim() || 'experiment';
    const wished = (this.name === '' ? clean : `${this.name}:${clean}`).slice(0, limits.projectCharsMax);
    if ((await this.backend.runTable.project(wished)) === null && !(await this.experimentOfKey(wished))) return wished;
    return `${wished.slice(0, limits.projectCharsMax - 10)}~${this.backend.newId().slice(0, 8)}`;
  }

  /** A run of this world, whatever its state, as the read models have it after all that was written here. */
  async run(id: string): Promise<{ readonly run: TrackedRun; readonly experiment: Experiment }> {
    await this.log.subjectsSettled([id]);
    const [run] = await this.backend.tracking.runs([id]);
    const experiment = run ? await this.experimentOfKey(run.state.facts.project.value) : null;
    if (!run || !experiment) throw missing(`Run with id=${id} not found`);
    const active = !run.state.deleted && !experiment.deleted;
    this.remember(id, active);
    return { run, experiment };
  }

  /** Refuses what may not be written to; what was seen a moment ago is believed. */
  async writable(id: string): Promise<void> {
    if (id === '') throw invalid("Missing value for required parameter 'run_id'.");
    const known = this.runs.get(id);
    if (known?.value.active === true && this.backend.clock() - known.at < believedMs) return;
    const { run, experiment } = await this.run(id);
    if (run.state.deleted || experiment.deleted)
      throw invalid(`The run ${id} must be in the 'active' state. Current state is deleted.`);
  }

  remember(id: string, active: boolean): void {
    if (this.runs.size > cachedMax) this.runs.clear();
    this.runs.set(id, { at: this.backend.clock(), value: { active } });
  }
}

const unborn = (world: string): Experiment => ({
  name: world === '' ? defaultTitle : `${world}:${defaultTitle}`,
  world,
  title: defaultTitle,
  number: 0,
  description: '',
  tags: {},
  deleted: false,
  createdAt: 0,
  updatedAt: 0,
});

const worldsMax = 10_000;

/** The worlds of this process, made when first asked for. */
export class Door {
  private readonly worlds = new Map<string, World>();
  private readonly log: DoorLog;

  constructor(private readonly backend: Backend) {
    this.log = new DoorLog(backend);
  }

  world(name: string): World {
    if (name.length > limits.worldCharsMax || (name !== '' && !/^[a-z0-9][a-z0-9._-]*$/.test(name)))
      throw invalid(`'${name.slice(0, 80)}' is not the name of a tenant: lower-case letters, digits, ".", "_" and "-"`);
    let world = this.worlds.get(name);
    if (!world) {
      if (this.worlds.size > worldsMax) this.worlds.clear();
      this.worlds.set(name, (world = new World(name, this.backend, this.log)));
    }
    return world;
  }
}

/** The same for the same content, so that a body that is sent again is known again. */
export const contentId = (kind: string, content: Uint8Array): string =>
  `mlflow:${kind}:${createHash('sha256').update(content).digest('hex').slice(0, 40)}`;
