import { withLineage } from '#libs/metrics/reading/lineage.js';
import { ancestorsOf } from '#libs/runs/rules/ancestors.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import type { Call } from './call.js';
import { runNameOf, sweepTag } from './entities.js';
import { fileAnswers } from './file-answers.js';
import { lineCountKeys, runtimeKey } from './history-lines.js';
import { clockKeys, historyKeys, readRows, writeRows } from './history-reads.js';
import {
  dateOf,
  historyMetrics,
  jobTypeOf,
  lastStepOf,
  lineCount,
  stateOf,
  summaryOf,
  type KnownRun,
} from './known-run.js';
import { logLines } from './log-answers.js';
import { writeLooseJson } from './loose-json.js';
import { userAnswer } from './people-answers.js';
import { ownParam, writeConfig } from './run-config.js';
import { eventRows, systemMetrics } from './system-answers.js';

/** A run as clients ask for it; `projectOf` gives the answer of the project it belongs to. */
export function runAnswer(known: KnownRun, projectOf: () => unknown) {
  const { world, project, run, row } = known;
  const { state } = run;
  const { id, facts } = state;
  const { metricStore, runTable } = world.backend;
  const settled = (): Promise<void> => world.log.subjectsSettled([id], ['points']);
  const history = async () => {
    const ancestors = await ancestorsOf(row, (each) => runTable.run(each));
    return { store: withLineage(metricStore, ancestors), parts: ancestors.length + 1 };
  };
  const lastRow = async (): Promise<string> => {
    await settled();
    const step = lastStepOf(known);
    if (step < 0) return '[]';
    const { store, parts } = await history();
    const keys = [...(await historyKeys(store, id)), ...clockKeys];
    const rows = await readRows(store, { run: id, keys, from: step, to: step + 1, samples: 1, parts, media: null });
    return JSON.stringify(writeRows(rows.slice(-1)));
  };
  /** `asked` null: every key there is. */
  const sampled = async (asked: readonly string[] | null, from: number, to: number, samples: number) => {
    await settled();
    const { store, parts } = await history();
    const keys = asked ?? [...(await historyKeys(store, id)), ...clockKeys];
    // a line may hold no number but its clock
    const last = run.metrics.find(({ key }) => key === runtimeKey)?.step ?? -1;
    const end = Math.min(to, Math.max(lastStepOf(known), last) + 1);
    return from < end ? readRows(store, { run: id, keys, from, to: end, samples, parts, media: asked }) : [];
  };
  return {
    __typename: 'Run',
    id,
    name: runNameOf(project, id, plainTags(state.tags)),
    displayName: facts.name.value,
    description: facts.notes.value || null,
    notes: facts.notes.value || null,
    tags: state.labels,
    state: () => stateOf(known),
    config: () => writeLooseJson(writeConfig(state.params)),
    summaryMetrics: () => writeLooseJson(summaryOf(known)),
    systemMetrics: () => writeLooseJson(systemMetrics(run.metrics)),
    historyKeys: () => ({
      lastStep: lastStepOf(known),
      sets: [],
      keys: Object.fromEntries(
        historyMetrics(known).map(({ key, value }) => [
          key,
          { typeCounts: [{ type: 'number', count: 1 }], monotonic: false, previousValue: value },
        ]),
      ),
    }),
    group: facts.group.value || null,
    groupName: facts.group.value || null,
    jobType: jobTypeOf(state) || null,
    commit: state.environment.value?.git?.commit || null,
    host: state.environment.value?.host || null,
    readOnly: false,
    createdAt: dateOf(state.startedAt),
    heartbeatAt: dateOf(row.heartbeatAt),
    updatedAt: dateOf(row.heartbeatAt),
    historyLineCount: () => lineCount(known, lineCountKeys.history),
    eventsLineCount: () => lineCount(known, lineCountKeys.events),
    logLineCount: () => lineCount(known, lineCountKeys.log),
    historyTail: lastRow,
    eventsTail: async () => {
      await settled();
      return JSON.stringify((await eventRows(known, Number.MAX_SAFE_INTEGER)).slice(-1));
    },
    wandbConfig: ({ keys }: { keys?: readonly string[] | null }) => {
      const own = jsonOf(state.params[ownParam]?.value ?? '{}');
      const entries = Object.entries(isObject(own) ? own : {});
      return writeLooseJson(Object.fromEntries(entries.filter(([key]) => !keys || keys.includes(key))));
    },
    sweepName: state.tags[sweepTag]?.value || null,
    projectId: project.number,
    project: projectOf,
    user: () => userAnswer(facts.user.value),
    stopped: false,
    shouldStop: false,
    failed: () => stateOf(known) === 'failed',
    running: () => /^(running|preempting)$/.test(stateOf(known)),
    exitcode: () => (stateOf(known) === 'finished' ? 0 : /^(running|preempting)$/.test(stateOf(known)) ? null : 1),
    history: async (asked: { minStep?: number; maxStep?: number; samples?: number }) => {
      const to = Number(asked.maxStep ?? Number.MAX_SAFE_INTEGER);
      return writeRows(await sampled(null, Number(asked.minStep ?? 0), to, asked.samples ?? 500));
    },
    events: async ({ samples }: { samples?: number }) => {
      await settled();
      return eventRows(known, samples ?? 500);
    },
    sampledHistory: ({ specs }: { specs: readonly string[] }) =>
      Promise.all(
        specs.map(async (text) => {
          const spec = jsonOf(text);
          const { keys, samples, minStep, maxStep } = isObject(spec) ? spec : {};
          const names = Array.isArray(keys) ? keys.filter((key): key is string => typeof key === 'string') : [];
          const wanted = names.filter((key) => key !== '_step');
          const to = typeof maxStep === 'number' ? maxStep : Number.MAX_SAFE_INTEGER;
          const count = typeof samples === 'number' ? samples : 500;
          const rows = await sampled(wanted, typeof minStep === 'number' ? minStep : 0, to, count);
          return rows.filter((each) => wanted.every((key) => Object.hasOwn(each, key))).map(oddAsText);
        }),
      ),
    // none: clients then page through the history itself
    parquetHistory: () => ({ parquetUrls: [], liveData: [] }),
    logLines: (asked: { first?: number; after?: string; last?: number }) => logLines(known, asked),
    fileCount: async (_: object, call: Call) => (await call.files.list(world, id)).length,
    files: (asked: { names?: readonly string[]; after?: string; first?: number; pattern?: string }, call: Call) =>
      fileAnswers(known, asked, call),
    outputArtifacts: (asked: { after?: string; first?: number }, call: Call) =>
      call.artifacts.ofRun(known, 'logged', asked, call),
    inputArtifacts: (asked: { after?: string; first?: number }, call: Call) =>
      call.artifacts.ofRun(known, 'used', asked, call),
  };
}

/** In a list of objects the answer is JSON proper. */
const oddAsText = (row: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ]),
  );

const plainTags = (tags: TrackedRun['state']['tags']): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(tags).map(([key, { value }]) => [key, value]));
