import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { hiddenParam } from '#libs/domain/hidden-param.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { defaultEntity, runNameOf, subjectOf, sweepTag } from './entities.js';
import { dateOf, jobTypeOf, stateOf, summaryOf, type KnownRun } from './known-run.js';
import { oddNumber } from './loose-json.js';
import { readFilter } from './mongo-filter.js';
import type { World } from './world.js';

/** Runs that are looked at to answer one question; more are refused rather than left out. */
const runsMax = 100_000;

async function knownRuns(world: World, project: ProjectState): Promise<readonly KnownRun[]> {
  await world.log.settled();
  const tracked = await world.backend.tracking.search({
    projects: [project.name],
    deletedProjects: [],
    view: 'active',
    filter: null,
    source: '',
    shown: null,
    orders: [],
    limit: runsMax,
    offset: 0,
  });
  return withRows(world, project, tracked);
}

export async function withRows(
  world: World,
  project: ProjectState,
  tracked: readonly TrackedRun[],
): Promise<readonly KnownRun[]> {
  const rows = await world.backend.runTable.runs(tracked.map(({ state }) => state.id));
  const byId = new Map(rows.map((row) => [row.id, row]));
  return tracked.flatMap((run) => {
    const row = byId.get(run.state.id);
    return row ? [{ world, project, run, row }] : [];
  });
}

/** A run by the id that a client knows it by; ids of runs that other clients made are their own. */
export async function findKnownRun(world: World, project: ProjectState, name: string): Promise<KnownRun | null> {
  for (const id of new Set([subjectOf(world.name, project.title, name), name])) {
    const found = await world.findRun(id).catch(() => null);
    if (!found?.active || found.project.name !== project.name) continue;
    const [known] = await withRows(world, project, [found.run]);
    if (known) return known;
  }
  return null;
}

/** What filters and orders call by these names. */
function lookup(known: KnownRun): (path: string) => unknown {
  const { run, row, project } = known;
  const { state } = run;
  let summary: Readonly<Record<string, unknown>> | null = null;
  return (path) => {
    const config = /^config\.(.+)$/s.exec(path)?.[1];
    if (config !== undefined) return paramAt(known, config.replace(/\.value$/, ''));
    const metric = /^(?:summary_metrics|summaryMetrics|summary)\.(.+)$/s.exec(path)?.[1];
    if (metric !== undefined) {
      summary ??= summaryOf(known);
      return Object.hasOwn(summary, metric) ? summary[metric] : at(summary, metric.split('.'));
    }
    switch (path) {
      case 'state':
        return stateOf(known);
      case 'name':
        return runNameOf(project, state.id, {});
      case 'display_name':
      case 'displayName':
        return state.facts.name.value;
      case 'group':
        return state.facts.group.value || null;
      case 'jobType':
      case 'job_type':
        return jobTypeOf(state) || null;
      case 'createdAt':
      case 'created_at':
        return dateOf(state.startedAt);
      case 'heartbeatAt':
      case 'heartbeat_at':
      case 'updatedAt':
        return dateOf(row.heartbeatAt);
      case 'tags':
        return state.labels;
      case 'username':
        return state.facts.user.value || defaultEntity;
      case 'host':
        return state.environment.value?.host || null;
      case 'notes':
      case 'description':
        return state.facts.notes.value || null;
      case 'sweep':
        return state.tags[sweepTag]?.value ?? null;
      case 'duration':
        return Math.round(((state.endedAt ?? row.heartbeatAt) - state.startedAt) / 1_000);
      default:
        return undefined;
    }
  };
}

function paramAt({ run }: KnownRun, path: string): unknown {
  const { params } = run.state;
  if (Object.hasOwn(params, path)) return oddNumber(jsonOf(params[path]!.value));
  const parts = path.split('.');
  for (let taken = parts.length - 1; taken > 0; taken--) {
    const key = parts.slice(0, taken).join('.');
    if (Object.hasOwn(params, key) && !hiddenParam(key)) return at(jsonOf(params[key]!.value), parts.slice(taken));
  }
  return undefined;
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), value);

export interface RunsAsked {
  readonly filters?: string | null;
  readonly after?: string | null;
  readonly first?: number | null;
  readonly order?: string | null;
}

export async function filtered(world: World, project: ProjectState, { filters, order }: RunsAsked) {
  const accepts = readFilter(filters);
  const runs = (await knownRuns(world, project))
    .map((known) => ({ known, of: lookup(known) }))
    .filter(({ of }) => accepts(of));
  const orders = (order || '-created_at').split(',').map((text) => text.trim());
  const columns = orders.map((text) => ({ path: text.replace(/^[+-]/, ''), descending: text.startsWith('-') }));
  return runs.toSorted((a, b) => {
    for (const { path, descending } of columns) {
      const [x, y] = [a.of(path), b.of(path)];
      // what has no value comes last, whichever the direction
      if (x === y) continue;
      if (x === undefined || x === null) return 1;
      if (y === undefined || y === null) return -1;
      const sign = (x as number) < (y as number) ? -1 : 1;
      return descending ? -sign : sign;
    }
    return (
      b.known.run.state.startedAt - a.known.run.state.startedAt ||
      (a.known.run.state.id < b.known.run.state.id ? -1 : 1)
    );
  });
}
