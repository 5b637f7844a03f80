import type { Param, Tags } from '#libs/domain/event.js';
import { jsonOf } from '#libs/domain/plain-json.js';
import { attemptStatus } from '#libs/domain/run-fold-attempts.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import type { Said } from '../shared/command-log.js';
import type { Stamp } from './call.js';
import type { ArtifactValue, Input, Parameter, Status } from './shapes.js';
import { ownPrefix } from './world.js';

export const statusTag = `${ownPrefix}status`;
export const messageTag = `${ownPrefix}message`;
export const startTag = `${ownPrefix}start`;
export const endTag = `${ownPrefix}end`;
export const artifactPrefix = { in: `${ownPrefix}in.`, out: `${ownPrefix}out.` } as const;
const messageCharsMax = 1_024;

export interface Changes {
  readonly tags: Tags;
  readonly removed: readonly string[];
  readonly params: readonly Param[];
  /** How the run goes on or ends. */
  readonly ends: readonly Said[];
}
type Told = Partial<Input<'UpdateTrialComponent'>>;

export const tagged = (subject: string, tags: Tags, removed: readonly string[] = []): Said<'TagsSet'> => ({
  name: 'TagsSet',
  subject,
  data: { tags, removed, labels: [], labelsRemoved: [] },
});

/** Clients send all they know at every turn: what of it is news. `run`: null for one that is made with it. */
export function changesOf(id: string, run: TrackedRun | null, told: Told, stamp: Stamp): Changes {
  const known = run?.state.tags ?? {};
  const tags = new Map<string, string>();
  const removed: string[] = [];
  const set = (key: string, value: string | undefined): void => {
    if (value !== undefined && known[key]?.value !== value) tags.set(key, value);
  };
  set(statusTag, told.Status?.PrimaryStatus);
  set(messageTag, told.Status?.Message?.slice(0, messageCharsMax));
  // a status is told as a whole: one without a message has none
  if (told.Status && told.Status.Message === undefined && Object.hasOwn(known, messageTag)) removed.push(messageTag);
  set(startTag, told.StartTime?.toString());
  set(endTag, told.EndTime?.toString());
  for (const [direction, artifacts, gone] of [
    ['in', told.InputArtifacts, told.InputArtifactsToRemove],
    ['out', told.OutputArtifacts, told.OutputArtifactsToRemove],
  ] as const) {
    const prefix = artifactPrefix[direction];
    for (const [key, value] of Object.entries(artifacts ?? {})) set(prefix + key, printArtifact(value));
    for (const key of gone ?? []) if (Object.hasOwn(known, prefix + key)) removed.push(prefix + key);
  }
  return {
    tags: Object.fromEntries(tags),
    removed,
    params: paramChanges(run, told),
    ends: endsOf(id, run, told, stamp),
  };
}

const printArtifact = ({ MediaType, Value }: ArtifactValue): string => JSON.stringify({ MediaType, Value });
export function readArtifact(text: string): ArtifactValue | null {
  const said = jsonOf(text) as { readonly MediaType?: unknown; readonly Value?: unknown } | null | undefined;
  if (typeof said?.Value !== 'string') return null;
  return { ...(typeof said.MediaType === 'string' ? { MediaType: said.MediaType } : {}), Value: said.Value };
}

/** Numbers that JSON can't say are their names: so they come back. What is removed is null. */
const printParameter = ({ StringValue: text, NumberValue: number }: Parameter): string =>
  number === undefined
    ? JSON.stringify(text)
    : Number.isFinite(number)
      ? JSON.stringify(number)
      : JSON.stringify(String(number));

function paramChanges(
  run: TrackedRun | null,
  { Parameters: given = {}, ParametersToRemove: gone = [] }: Told,
): readonly Param[] {
  const known = run?.state.params ?? {};
  const wanted = new Map(Object.entries(given).map(([key, value]) => [key, printParameter(value)] as const));
  for (const key of gone) if (Object.hasOwn(known, key) && !wanted.has(key)) wanted.set(key, 'null');
  return [...wanted].flatMap(([key, json]) =>
    Object.hasOwn(known, key) && known[key]!.value === json ? [] : [{ key, json }],
  );
}

const outcomes: Readonly<Partial<Record<NonNullable<Status['PrimaryStatus']>, string>>> = {
  Completed: 'finished',
  Failed: 'failed',
  Stopped: 'killed',
};

function endsOf(subject: string, run: TrackedRun | null, told: Told, stamp: Stamp): readonly Said[] {
  const status = told.Status?.PrimaryStatus;
  const newest = run?.state.attempts.at(-1);
  const was = newest ? attemptStatus(newest) : 'running';
  const endedAt = run?.state.endedAt ?? null;
  const outcome = status && outcomes[status];
  if (outcome !== undefined) {
    const timeMs = told.EndTime ?? (was === outcome ? endedAt : null) ?? stamp.at;
    const reason = outcome === 'failed' ? (told.Status?.Message ?? '').slice(0, messageCharsMax) : '';
    if (was === outcome && endedAt === timeMs) return [];
    const seqs = { lastTelemetrySeq: 0, lastRunsSeq: 0, exitCode: 0 };
    return [{ name: 'RunFinished', subject, timeMs, data: { state: outcome, reason, ...seqs, wholeRun: true } }];
  }
  if (status === undefined || was === 'running') return [];
  const attempt = newest?.number ?? 1;
  const data = { attempt, launch: '', fromStep: 0, hasFromStep: false, worldSize: 0, environment: null };
  // said at a time after the end it takes back
  return [{ name: 'RunResumed', subject, timeMs: Math.max(stamp.at, (endedAt ?? 0) + 1), data }];
}
