import type { Backend } from '#libs/backend/backend.js';
import { defaultTitle, type ProjectState } from '#libs/domain/catalog-fold.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import type { CommandLog } from './command-log.js';

/** How long what was read of a run or a project is believed where another process may have changed it. */
const believedMs = 2_000;
const cachedMax = 50_000;

interface Cached<T> {
  readonly at: number;
  readonly value: T;
}
export interface FoundRun {
  readonly run: TrackedRun;
  readonly project: ProjectState;
  /** Neither it nor its project is deleted. */
  readonly active: boolean;
}

/** What all calls of one tenant share, whatever client they come from. Its names and numbers are its own; "" is everybody's. */
export class Tenant {
  private readonly runs = new Map<string, Cached<{ readonly active: boolean }>>();
  private listed: Cached<readonly ProjectState[]> | null = null;

  constructor(
    readonly name: string,
    readonly backend: Backend,
    readonly log: CommandLog,
  ) {}

  /** All projects, the one with number 0 always among them. */
  async projects(): Promise<readonly ProjectState[]> {
    const now = this.backend.clock();
    if (!this.log.shared && this.listed && now - this.listed.at < believedMs) return this.listed.value;
    await this.log.catalogSettled();
    const known = await this.backend.tracking.projects(this.name);
    const value = known.some(({ number }) => number === 0) ? known : [unborn(this.name), ...known];
    this.listed = { at: now, value };
    return value;
  }
  /** After a command about one of them. */
  projectsChanged(): void {
    this.listed = null;
    this.runs.clear();
  }

  /** What is not in a believed list may be new. */
  async findProject(matches: (each: ProjectState) => boolean): Promise<ProjectState | null> {
    const found = (await this.projects()).find(matches);
    if (found) return found;
    this.listed = null;
    return (await this.projects()).find(matches) ?? null;
  }

  /** Says that a project is there, where only its number was known: number 0 exists before anybody used it. */
  async born(project: ProjectState): Promise<void> {
    if (project.createdAt !== 0) return;
    const data = { description: '', tags: {}, world: this.name, title: project.title };
    try {
      await this.log.command({ name: 'ProjectCreated', subject: project.name, data });
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
    const taken =
      (await this.backend.runTable.project(wished)) ?? (await this.findProject(({ name }) => name === wished));
    if (taken === null) return wished;
    return `${wished.slice(0, limits.projectCharsMax - 10)}~${this.backend.newId().slice(0, 8)}`;
  }

  /** A run of this tenant, whatever its state, as the read models have it after all that was written here. */
  async findRun(id: string): Promise<FoundRun | null> {
    await this.log.subjectsSettled([id]);
    const [run] = await this.backend.tracking.runs([id]);
    const key = run?.state.facts.project.value;
    const project = run ? await this.findProject(({ name }) => name === key) : null;
    if (!run || !project) return null;
    const active = !run.state.deleted && !project.deleted;
    this.remember(id, active);
    return { run, project, active };
  }

  /** Whether it was seen active a moment ago: that is believed. */
  wasActive(id: string): boolean {
    const known = this.runs.get(id);
    return known?.value.active === true && this.backend.clock() - known.at < believedMs;
  }

  remember(id: string, active: boolean): void {
    if (this.runs.size > cachedMax) this.runs.clear();
    this.runs.set(id, { at: this.backend.clock(), value: { active } });
  }
}

const unborn = (world: string): ProjectState => ({
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

const tenantsMax = 10_000;

/** The tenants of this process, made when first asked for: a tenant is there as soon as it is named. */
export class Tenants<T extends Tenant> {
  private readonly known = new Map<string, T>();

  constructor(private readonly make: (name: string) => T) {}

  /** Refuses what is no name of a tenant. */
  get(name: string): T {
    if (name.length > limits.worldCharsMax || (name !== '' && !/^[a-z0-9][a-z0-9._-]*$/.test(name)))
      throw new Rejection(
        'INVALID_ARGUMENT',
        `'${name.slice(0, 80)}' is not the name of a tenant: lower-case letters, digits, ".", "_" and "-"`,
      );
    let tenant = this.known.get(name);
    if (!tenant) {
      if (this.known.size > tenantsMax) this.known.clear();
      this.known.set(name, (tenant = this.make(name)));
    }
    return tenant;
  }
}
