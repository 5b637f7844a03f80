import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Param } from '#libs/domain/event.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { inTrainingOrder } from '#libs/domain/run-fold-attempts.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { randomRunName } from '../shared/run-names.js';
import type { Said } from '../shared/command-log.js';
import { checkRunName, jobTypeTag, runIdTag, runNameOf, subjectOf, sweepTag } from './entities.js';
import { emptyEnvironment } from '../shared/empty-environment.js';
import { changedParams, inEvents, readConfig } from './run-config.js';
import { readLooseObject, writeStrictJson } from './loose-json.js';
import { forkIfAsked } from './fork-run.js';
import { jobTypeOf } from './known-run.js';
import { rankOf, type RunStreams } from './run-streams.js';
import type { World } from './world.js';
import { wellFormed } from './well-formed.js';

export interface UpsertBucketInput {
  readonly id?: string | null;
  readonly name?: string | null;
  readonly groupName?: string | null;
  readonly modelName?: string | null;
  readonly description?: string | null;
  readonly displayName?: string | null;
  readonly notes?: string | null;
  readonly config?: string | null;
  readonly commit?: string | null;
  readonly host?: string | null;
  readonly jobProgram?: string | null;
  readonly jobRepo?: string | null;
  readonly jobType?: string | null;
  readonly state?: string | null;
  readonly sweep?: string | null;
  readonly tags?: readonly string[] | null;
  readonly summaryMetrics?: string | null;
}

/** How long the same words count as the same start said again: a client repeats what was not answered in time. */
const repeatedMs = 120_000;
const startsMax = 10_000;

/** How a client makes a run, starts it again, and changes it: one call for all of them. */
export class Upserts {
  /** Starts of a moment ago by their words, and attempts that a rewind has begun and whose client has not come yet. */
  private readonly starts = new Map<string, { readonly launch: string; readonly at: number }>();

  constructor(private readonly streams: RunStreams) {}

  async upsert(
    world: World,
    input: UpsertBucketInput,
    client: string,
  ): Promise<{ readonly subject: string; readonly inserted: boolean }> {
    const params = input.config ? readConfig(input.config) : [];
    // later changes say nothing of where the program runs
    const begins = Boolean(input.host) || Boolean(input.jobProgram);
    if (input.id) {
      const found = await world.findRun(input.id);
      if (!found) throw new Rejection('NOT_FOUND', `there is no run with the id ${input.id.slice(0, 200)}`, 'id');
      const { run, project } = found;
      const name = runNameOf(project, input.id, {});
      if (begins) await this.start(world, project, input.id, name, input, params, run, client);
      await this.change(world, run, input, params);
      return { subject: input.id, inserted: false };
    }
    const project = await world.projectFor(input.modelName);
    const name = checkRunName(input.name || world.backend.newId().replaceAll('-', '').slice(0, 8));
    const subject = subjectOf(world.name, project.title, name);
    const known = await world.findRun(subject);
    if (known && known.run.state.deleted)
      throw new Rejection('RUN_DELETED', `run ${name} was deleted; choose another id, or restore it first`, 'name');
    if (!known || begins) await this.start(world, project, subject, name, input, params, known?.run ?? null, client);
    const run = known?.run ?? (await world.findRun(subject))?.run;
    if (known && run) await this.change(world, run, input, params);
    return { subject, inserted: !known };
  }

  /** A rewind begins an attempt before its client says so. */
  async rewind(world: World, run: TrackedRun, fromStep: number): Promise<void> {
    const launch = world.backend.newId();
    const data = { ...startOf(run.state), launch, fromStep, hasFromStep: true };
    await world.log.decide({ name: 'RunStarted', subject: run.state.id, data });
    this.remember(`rewound ${run.state.id}`, launch, world.backend.clock());
  }

  private remember(words: string, launch: string, at: number): void {
    if (this.starts.size >= startsMax) this.starts.delete(this.starts.keys().next().value!);
    this.starts.set(words, { launch, at });
  }

  private launchOf(world: World, subject: string, words: string, known: RunState | null, client: string): string {
    const now = world.backend.clock();
    const rewound = this.starts.get(`rewound ${subject}`);
    this.starts.delete(`rewound ${subject}`);
    // in shared mode all clients of a run are in one attempt, as long as it lasts
    const last = known ? inTrainingOrder(known.attempts).at(-1) : undefined;
    const joins = client !== '' && known?.status === 'running' ? (last?.launch ?? undefined) : undefined;
    const before = this.starts.get(words);
    const launch =
      rewound?.launch ?? joins ?? (before && now - before.at < repeatedMs ? before.launch : world.backend.newId());
    this.remember(words, launch, now);
    return launch;
  }

  private async start(
    world: World,
    project: ProjectState,
    subject: string,
    name: string,
    input: UpsertBucketInput,
    params: readonly Param[],
    known: TrackedRun | null,
    client: string,
  ): Promise<void> {
    const words = JSON.stringify([subject, client, input]);
    const tags: Record<string, string> = {};
    if (input.sweep) tags[sweepTag] = input.sweep;
    const state = known?.state ?? null;
    const launch = this.launchOf(world, subject, words, state, client);
    const [first = [], ...rest] = inEvents(params);
    if (runNameOf(project, subject, {}) !== name) tags[runIdTag] = name;
    const environment = { ...emptyEnvironment, command: input.jobProgram ?? '', host: input.host ?? '' };
    const git = { commit: input.commit ?? '', remote: input.jobRepo ?? '', branch: '', dirty: false, diffDigest: '' };
    const rank = state ? await rankOf(world, state, client) : 0;
    if (!state) await forkIfAsked(world, project, { subject, name, displayName: input.displayName ?? '' }, params);
    const accepted = await world.log.decide({
      name: 'RunStarted',
      subject,
      data: {
        project: project.name,
        name: cut(input.displayName || (state ? '' : randomRunName(world.backend.newId().replaceAll('-', '')))),
        group: cut(input.groupName ?? ''),
        jobType: cut(input.jobType ?? ''),
        user: '',
        notes: input.notes ?? '',
        tags,
        params: state ? [] : first,
        environment: { ...environment, git: git.commit || git.remote ? git : null },
        worldSize: rank + 1,
        launch,
        fromStep: 0,
        hasFromStep: false,
        costPerHour: 0,
        labels: (input.tags ?? []).map((tag) => tag.slice(0, 500)),
      },
    });
    const more = (state ? [] : rest).map((list) => paramsLogged(subject, list));
    if (more.length > 0) await world.log.tell(...more);
    const [run] = known ? [known] : await this.read(world, subject);
    if (!run) return;
    const rewound = run.state.attempts.find(({ number }) => number === accepted.attempt)?.fromStep ?? null;
    const told = {
      attempt: accepted.attempt ?? 1,
      startedAtMs: accepted.attemptStartedAtMs ?? 0,
      fromStep: rewound,
    };
    this.streams.begin(world, run, client, told, client === '' ? 0 : await rankOf(world, run.state, client));
  }

  private async read(world: World, subject: string): Promise<readonly TrackedRun[]> {
    await world.log.subjectsSettled([subject]);
    return world.backend.tracking.runs([subject]);
  }

  /** Only what differs from what the run has is said. */
  private async change(
    world: World,
    run: TrackedRun,
    input: UpsertBucketInput,
    params: readonly Param[],
  ): Promise<void> {
    const { state } = run;
    const subject = state.id;
    const events: Said[] = [];
    const { displayName, tags } = input;
    const notes = input.notes ?? input.description;
    if (displayName && cut(displayName) !== state.facts.name.value)
      events.push({ name: 'RunRenamed', subject, data: { name: cut(displayName) } });
    if (typeof notes === 'string' && notes !== state.facts.notes.value)
      events.push({ name: 'NoteSet', subject, data: { text: notes } });
    const { project, group } = state.facts;
    if (typeof input.groupName === 'string' && cut(input.groupName) !== group.value)
      events.push({ name: 'RunMoved', subject, data: { project: project.value, group: cut(input.groupName) } });
    if (typeof input.jobType === 'string' && cut(input.jobType) !== jobTypeOf(state)) {
      const said = { [jobTypeTag]: cut(input.jobType) };
      events.push({ name: 'TagsSet', subject, data: { tags: said, removed: [], labels: [], labelsRemoved: [] } });
    }
    if (tags) {
      const labels = tags.filter((tag) => !state.labels.includes(tag)).map((tag) => tag.slice(0, 500));
      const labelsRemoved = state.labels.filter((label) => !tags.includes(label));
      if (labels.length + labelsRemoved.length > 0)
        events.push({ name: 'TagsSet', subject, data: { tags: {}, removed: [], labels, labelsRemoved } });
    }
    for (const list of inEvents(changedParams(params, state.params))) events.push(paramsLogged(subject, list));
    if (input.summaryMetrics) {
      const values = summaryValues(input.summaryMetrics).filter(({ key, json }) => state.summarySet[key] !== json);
      for (const list of inEvents(values)) events.push({ name: 'SummarySet', subject, data: { values: list } });
    }
    await world.log.tell(...events);
  }
}

const cut = (text: string): string => wellFormed(text.slice(0, 500));

const paramsLogged = (subject: string, params: readonly Param[]): Said<'ParamsLogged'> => ({
  name: 'ParamsLogged',
  subject,
  data: { params, immutable: false },
});

function summaryValues(text: string): readonly Param[] {
  const summary = readLooseObject(text);
  if (!summary) throw new Rejection('INVALID_ARGUMENT', 'summaryMetrics: is not a JSON object', 'summaryMetrics');
  return Object.entries(summary)
    .filter(([key]) => !key.startsWith('_'))
    .map(([key, value]) => ({ key, json: writeStrictJson(value) }));
}

/** A start that says of the run only what the log must hear. */
const startOf = (state: RunState) => ({
  project: state.facts.project.value,
  name: '',
  group: '',
  jobType: '',
  user: '',
  notes: '',
  tags: {},
  params: [],
  environment: null,
  worldSize: 1,
  costPerHour: 0,
  labels: [],
});
