import { Rejection } from '#libs/domain/rejection.js';
import type { AlertInput } from './alerts.js';
import type { Call } from './call.js';
import { artifactResolvers } from './artifacts/artifact-resolvers.js';
import { checkProject, defaultProject } from './entities.js';
import { answerOf, knownRun, runNamed, worldOf, type RunNamed } from './one-run.js';
import { entityAnswer, userAnswer } from './people-answers.js';
import { projectAnswer } from './project-answers.js';
import { checkFileName } from './run-files.js';
import type { UpsertBucketInput } from './upsert-bucket.js';

/** What a client may use because this server has it. */
const features = [
  'CLIENT_IDS',
  'STRUCTURED_CONSOLE_LOGS',
  'FILESTREAM_GZIP',
  'TOTAL_COUNT_IN_FILE_CONNECTION',
  'LARGE_FILENAMES',
  'MARK_RUN_FILES_UPLOADED',
] as const;

async function oneProject(
  call: Call,
  asked: { readonly name?: string | null; readonly entityName?: string | null },
): Promise<object | null> {
  const world = worldOf(call, asked.entityName);
  const project = await world.projectNamed(asked.name || defaultProject);
  return project ? projectAnswer(world, project) : null;
}

/** Addresses at which this door's questions and commands are answered, by their names in the schema. */
export const resolvers = {
  ...artifactResolvers,
  viewer: () => userAnswer(''),
  serverInfo: (_: object, call: Call) => ({
    cliVersionInfo: { max_cli_version: '9999.0.0', min_cli_version: '0.0.0' },
    latestLocalVersionInfo: {
      outOfDate: false,
      latestVersionString: call.gateway.version,
      versionOnThisInstanceString: call.gateway.version,
    },
    features: features.map((name) => ({ name, isEnabled: true })),
  }),
  users: () => ({ edges: [{ node: userAnswer('') }] }),
  entity: ({ name }: { name?: string | null }, call: Call) => {
    const world = worldOf(call, name);
    return entityAnswer(world.entity, (project) => oneProject(call, { name: project, entityName: world.entity }));
  },
  organization: null,
  model: (asked: { name?: string; entityName?: string }, call: Call) => oneProject(call, asked),
  project: (asked: { name?: string; entityName?: string }, call: Call) => oneProject(call, asked),
  models: async (asked: { entityName?: string; after?: string; first?: number }, call: Call) => {
    const world = worldOf(call, asked.entityName);
    const all = (await world.projects()).filter(({ deleted, createdAt }) => !deleted && createdAt !== 0);
    const from = asked.after ? Number(asked.after) + 1 || 0 : 0;
    const page = all.slice(from, from + (asked.first ?? 50));
    const end = from + page.length;
    return {
      pageInfo: { endCursor: page.length > 0 ? String(end - 1) : null, hasNextPage: end < all.length },
      edges: page.map((project, index) => ({ cursor: String(from + index), node: projectAnswer(world, project) })),
    };
  },

  upsertModel: async ({ input }: { input: { name?: string; entityName?: string } }, call: Call) => {
    const world = worldOf(call, input.entityName);
    const title = checkProject(input.name ?? '');
    const inserted = (await world.projectNamed(title)) === null;
    const project = projectAnswer(world, await world.projectFor(title));
    return { project, model: project, inserted };
  },
  upsertBucket: async ({ input }: { input: UpsertBucketInput & { entityName?: string } }, call: Call) => {
    const world = input.id ? (await knownRun(call, input.id)).world : worldOf(call, input.entityName);
    const { subject, inserted } = await call.upserts.upsert(world, input, call.client);
    await world.log.subjectsSettled([subject]);
    if (input.state && !inserted) await endRun(call, subject, input.state);
    return { bucket: answerOf(await knownRun(call, subject)), inserted };
  },
  rewindRun: async (
    {
      input,
    }: {
      input: { runName: string; entityName?: string; projectName?: string; metricName: string; metricValue: number };
    },
    call: Call,
  ) => {
    const { metricName, metricValue } = input;
    if (metricName !== '_step' || !Number.isSafeInteger(metricValue))
      throw new Rejection('INVALID_ARGUMENT', 'metricName: a run is rewound to a whole "_step"', 'metricName');
    const known = await runNamed(call, input);
    await call.upserts.rewind(known.world, known.run, metricValue + 1);
    return { rewoundRun: answerOf(known) };
  },
  deleteRun: async ({ input }: { input: { id: string } }, call: Call) => {
    const { world } = await knownRun(call, input.id);
    await world.log.decide({ name: 'RunDeleted', subject: input.id, data: {} });
    world.remember(input.id, false);
    return { clientMutationId: null };
  },
  updateRunState: async ({ input }: { input: { id: string; state: string } }, call: Call) => {
    await endRun(call, input.id, input.state);
    return { success: true };
  },
  createRunFiles: async ({ input }: { input: RunFilesInput }, call: Call) => {
    const { known, names } = await runOfFiles(call, input);
    const run = known.run.state.id;
    const permit = (name: string) => ({ may: 'put', world: known.world.name, run, name }) as const;
    return {
      runID: run,
      uploadHeaders: [],
      files: await Promise.all(
        names.map(async (name) => ({
          name,
          uploadUrl: await call.storage.address(call.base, call.keyId, permit(name)),
        })),
      ),
    };
  },
  notifyScriptableRunAlert: async ({ input }: { input: RunNamed & AlertInput }, call: Call) => {
    await call.alerts.tell(await runNamed(call, input), input);
    return { success: true };
  },
  // a file is known as uploaded when its bytes are there
  markRunFilesUploaded: async ({ input }: { input: RunFilesInput }, call: Call) => {
    await runOfFiles(call, input);
    return { success: true };
  },
  deleteFiles: async ({ input }: { input: { files: readonly string[] } }, call: Call) => {
    for (const id of input.files) {
      const [run = '', ...name] = id.split('/');
      const { world } = await knownRun(call, run);
      await call.files.remove(world, run, checkFileName(name.join('/')));
    }
    return { success: true };
  },
};

interface RunFilesInput {
  readonly entityName?: string;
  readonly projectName?: string;
  readonly runName: string;
  readonly files: readonly string[];
}

async function runOfFiles(call: Call, input: RunFilesInput) {
  const names = input.files.map(checkFileName);
  return { known: await runNamed(call, input), names };
}

const endings: Readonly<Record<string, string>> = {
  finished: 'finished',
  failed: 'failed',
  crashed: 'failed',
  killed: 'killed',
};

/** Somebody says how a run ended, who is none of its writers. */
async function endRun(call: Call, id: string, said: string): Promise<void> {
  const { world } = await knownRun(call, id);
  const state = Object.hasOwn(endings, said) ? endings[said]! : null;
  if (state === null) {
    if (said === 'running' || said === 'pending') return;
    throw new Rejection('INVALID_ARGUMENT', `state: "${said.slice(0, 40)}" is no state of a run`, 'state');
  }
  const data = { state, reason: '', lastTelemetrySeq: 0, lastRunsSeq: 0, exitCode: 0, wholeRun: true };
  await world.log.decide({ name: 'RunFinished', subject: id, data });
  await world.log.subjectsSettled([id]);
}
