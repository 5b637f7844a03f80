import type { Complete } from './complete-resolvers.js';
import type { EventData, EventName } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';
import { checkData, checkHead } from '#libs/domain/validate-event.js';
import { partitionName } from '#libs/domain/position-token.js';
import { encodeEvent, partitionOf } from '#libs/log/event-record.js';
import type { RunRow } from '#libs/runs/run-table.js';
import { reach, readYourWritesTimeoutMs, type GatewayContext } from './gateway-context.js';
import type { MutationResolvers, RunStatus } from './generated/resolver-types.js';

/** Appends one command, waits for the fold's verdict and for the read models, answers with the run as it is then. */
async function command<Name extends EventName>(
  context: GatewayContext,
  subject: string,
  name: Name,
  data: EventData[Name],
  show = subject,
) {
  const { backend, acceptor } = context;
  const id = backend.newId();
  const head = { id, source: 'gateway', subject, timeMs: backend.clock(), writer: null, reply: true };
  try {
    checkHead(head, name);
    checkData(name, data);
    const { results, position } = await acceptor.accept([{ id, event: encodeEvent(head, name, data) }]);
    const result = results[0]!;
    if (result.status === 'refused') {
      return {
        position,
        error: {
          code: result.code ?? 'INVALID_ARGUMENT',
          message: result.message ?? 'refused',
          field: result.field ?? null,
        },
      };
    }
    await reach(context, position);
    return { position, run: name === 'RunDeleted' ? null : await backend.runTable.run(show) };
  } catch (error) {
    if (error instanceof Rejection)
      return { error: { code: error.code, message: error.message, field: error.field ?? null } };
    throw error;
  }
}

/** A run that is not there may have been started a moment ago: it is looked for once more when all that is in the log now is applied. */
async function runAsOfNow(id: string, { backend }: GatewayContext): Promise<RunRow | null> {
  const found = await backend.runTable.run(id);
  if (found) return found;
  const partition = partitionOf(id, backend.log.partitionCount('runs'));
  const { end } = (await backend.log.ranges('runs'))[partition]!;
  await backend.progress.waitFor(['runs'], new Map([[partitionName('runs', partition), end]]), readYourWritesTimeoutMs);
  return backend.runTable.run(id);
}

const ending: Readonly<Partial<Record<RunStatus, string>>> = {
  FINISHED: 'finished',
  FAILED: 'failed',
  KILLED: 'killed',
};

export const mutationResolvers: Complete<MutationResolvers> = {
  createProject: (_, { name, description }, context) =>
    command(context, name, 'ProjectCreated', { description: description ?? '', tags: {}, world: '', title: '' }),
  renameRun: (_, { id, name }, context) => command(context, id, 'RunRenamed', { name }),
  tagRun: (_, { id, set, remove, addLabels, removeLabels }, context) =>
    command(context, id, 'TagsSet', {
      tags: Object.fromEntries((set ?? []).map(({ key, value }) => [key, value])),
      removed: remove ?? [],
      labels: addLabels ?? [],
      labelsRemoved: removeLabels ?? [],
    }),
  noteRun: (_, { id, text }, context) => command(context, id, 'NoteSet', { text }),
  groupRun: async (_, { id, group }, context) => {
    const run = await runAsOfNow(id, context);
    if (!run) return { error: { code: 'NOT_FOUND', message: `run ${id} is not there`, field: 'id' } };
    return command(context, id, 'RunMoved', { project: run.project, group });
  },
  archiveRun: (_, { id }, context) => command(context, id, 'RunArchived', {}),
  restoreRun: (_, { id }, context) => command(context, id, 'RunRestored', {}),
  deleteRun: (_, { id }, context) => command(context, id, 'RunDeleted', {}),
  forkRun: async (_, { id, newId, step, attempt, name }, context) => {
    const parent = await runAsOfNow(id, context);
    if (!parent) return { error: { code: 'NOT_FOUND', message: `run ${id} is not there`, field: 'id' } };
    const data = {
      fromRun: id,
      fromAttempt: attempt ?? parent.attempts.at(-1)?.number ?? 1,
      fromStep: step,
      project: parent.project,
    };
    return command(context, newId ?? context.backend.newId(), 'RunForked', {
      ...data,
      name: name ?? `${parent.name} (fork)`,
    });
  },
  finishRun: (_, { id, state, reason }, context) => {
    const chosen = ending[state ?? 'FINISHED'];
    if (chosen === undefined) {
      const message = `state: ${state} is not how a person ends a run; choose FINISHED, FAILED or KILLED`;
      return { error: { code: 'INVALID_ARGUMENT', message, field: 'state' } };
    }
    return command(context, id, 'RunFinished', {
      state: chosen,
      reason: reason ?? '',
      lastTelemetrySeq: 0,
      lastRunsSeq: 0,
      exitCode: 0,
      wholeRun: true,
    });
  },
};
