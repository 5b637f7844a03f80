import { writeFileSync } from 'node:fs';
import { captureQuickly } from './capture.js';
import { makeSpoolFolder } from './places.js';
import { Run } from './run.js';
import { readSettings } from './settings.js';
import { SpoolWriter } from './spool.js';
import { labelParts, paramBytes, portions, tagParts } from './tracked.js';
import { entriesOf, flatten, text } from './values.js';

export type { ReadMedia } from './read-media.js';
export { Api, ApiError, type Points, type ReadArtifact, type ReadRun } from './api.js';
export type { ArtifactOptions } from './kept-files.js';
export type { FinishState, Loggable, Metrics, Run } from './run.js';
export type { Pixels } from './pixels.js';
export {
  Audio,
  ConfusionMatrix,
  Curve,
  Figure,
  Histogram,
  Html,
  Image,
  Points3D,
  Rich,
  Table,
  Text,
  Video,
  type File,
} from './rich.js';
export type { Tags, Values } from './tracked.js';

/** Settings of a run. What is not given comes from the environment or the launcher, as said at each. */
export interface InitOptions {
  /** Its project; RUNSTREAM_PROJECT, else "default". */
  readonly project?: string;
  /** What people call the run; its id is shown when empty. */
  readonly name?: string;
  /** 1 to 128 of letters, digits, ".", "_", "-"; RUNSTREAM_RUN_ID, else a new one. Processes that give the same id write to one run. */
  readonly id?: string;
  /** Params: an object, a Map, an instance of a class; nested ones become keys with dots. */
  readonly config?: object;
  /** Labels, or tags with values. */
  readonly tags?: readonly string[] | Readonly<Record<string, unknown>>;
  /** A text to search by. */
  readonly group?: string;
  /** A text to search by: "train", "eval". */
  readonly jobType?: string;
  /** At most 200,000 characters. */
  readonly notes?: string;
  /** Who runs it; the user of the process when empty. */
  readonly user?: string;
  /** Of the server; RUNSTREAM_URL, else http://127.0.0.1:7171. */
  readonly url?: string;
  /** RUNSTREAM_API_KEY when not given; never written to the disk. */
  readonly apiKey?: string;
  /** "online"; "offline" keeps everything for `runstream-sync`; "disabled" keeps nothing. RUNSTREAM_MODE when not given. */
  readonly mode?: 'online' | 'offline' | 'disabled';
  /** Where spools lie; RUNSTREAM_DIR, else in the temporary directory. */
  readonly dir?: string;
  /** From 0; of the launcher (torchrun, SLURM, MPI, Ray) when not given. */
  readonly rank?: number;
  /** How many processes the job has; of the launcher when not given. */
  readonly worldSize?: number;
  /** What all processes of one start have in common; of the launcher when not given. */
  readonly launch?: string;
  /** How often the job was started, from 1; the server counts when not given. */
  readonly attempt?: number;
  /** The step at which a restart goes on; without it a run that counts by itself goes on behind what is there. */
  readonly fromStep?: number;
  /** Of the whole run, in whatever currency. */
  readonly costPerHour?: number;
  /** Whether to keep what is printed; true. */
  readonly captureConsole?: boolean;
  /** Whether to keep git state, command, packages and hardware; true. */
  readonly captureEnvironment?: boolean;
  /** Whether to keep what was changed since the commit as the artifact `git/diff.patch` (of rank 0; up to 4 MiB, tokens masked, files of keys left out); true. */
  readonly captureDiff?: boolean;
  /** Whether to sample CPU, memory, disk, network and GPUs as metrics `system/…`, in the sender; RUNSTREAM_CAPTURE_SYSTEM when not given, else true. */
  readonly captureSystem?: boolean;
  /** From sample to sample, from 1,000 ms; RUNSTREAM_SYSTEM_INTERVAL_S (in seconds) when not given, else 5,000. */
  readonly systemIntervalMs?: number;
  /** What may wait on this machine, in bytes; beyond it points are dropped and counted. */
  readonly spoolBytesMax?: number;
}

/**
 * Starts a run or joins it. What is not given comes from RUNSTREAM_PROJECT, _URL, _API_KEY, _RUN_ID, _MODE, _DIR and the launcher's environment.
 * Throws a RangeError for settings that can't be right, nothing else.
 */
export function init(options: InitOptions = {}): Run {
  const given = typeof options === 'object' && options !== null ? options : {};
  const settings = readSettings(given);
  const { mode } = settings.meta;
  const environment = given.captureEnvironment === false ? null : captureQuickly(settings.launcher);
  const diff = given.captureDiff !== false && environment !== null && settings.meta.rank === 0;
  const meta = { ...settings.meta, environment, diff };
  const config = Object.fromEntries(flattened(given.config));
  if (mode === 'disabled') return new Run(meta, null, config);
  let opened: Run;
  try {
    const folder = makeSpoolFolder(settings.root, meta.run, meta.writer, say);
    writeFileSync(`${folder}/meta.json`, JSON.stringify(meta), { mode: 0o600 });
    opened = new Run(meta, new SpoolWriter(folder, settings.spoolBytesMax), config);
  } catch (error) {
    say(`no spool can be made (${(error as Error).message}); this run is not recorded`);
    return new Run(meta, null, config);
  }
  sayStarted(opened, given, settings, config);
  if (mode === 'online') opened.startSender(given.apiKey);
  if (given.captureConsole !== false) opened.captureConsole();
  endWithProcess(opened);
  return opened;
}

function say(words: string): void {
  process.stderr.write(`runstream: ${words}\n`);
}

function flattened(config: unknown): [string, unknown][] {
  try {
    return flatten(config);
  } catch (error) {
    say(`config can't be read: ${text(error, 500)}`); // an odd value never ends a training
    return [];
  }
}

const noteCharsInStartMax = 20_000;
const tagCharsInStartMax = 20_000;

/** What is too large for one record follows in records of its own. */
function sayStarted(
  run: Run,
  options: InitOptions,
  settings: ReturnType<typeof readSettings>,
  config: Readonly<Record<string, unknown>>,
): void {
  const { meta } = run;
  const labelled = Array.isArray(options.tags) || !entriesOf(options.tags);
  const labels = labelParts(!labelled ? [] : Array.isArray(options.tags) ? options.tags : [options.tags]);
  const tags = labelled ? [] : tagParts(run, options.tags);
  const params = portions(run.params(Object.entries(config)), 5_000, paramBytes);
  const note = run.cut(options.notes, 200_000, 'the note');
  const firstTags = JSON.stringify(tags[0] ?? {}).length <= tagCharsInStartMax ? tags.shift() : {};
  run.say('RunStarted', {
    project: meta.project,
    name: text(options.name, 500),
    group: text(options.group, 500),
    jobType: text(options.jobType, 500),
    user: text(options.user, 500) || (meta.environment?.['user'] ?? ''),
    notes: note.length <= noteCharsInStartMax ? note : '',
    tags: firstTags ?? {},
    params: params.shift() ?? [],
    environment: meta.environment,
    worldSize: meta.worldSize,
    launch: settings.launch.slice(0, 200),
    fromStep: settings.fromStep ?? 0,
    hasFromStep: settings.fromStep !== null,
    costPerHour: settings.costPerHour,
    labels: labels.shift() ?? [],
  });
  for (const part of params) run.say('ParamsLogged', { params: part });
  for (const part of labels) run.say('TagsSet', { labels: part });
  for (const part of tags) run.say('TagsSet', { tags: part });
  if (note.length > noteCharsInStartMax) run.say('NoteSet', { text: note });
  run.step = settings.fromStep ?? 0;
}

/** A process that ends without finish(): its code or its exception says how; of a killed one the sender says it. */
function endWithProcess(run: Run): void {
  let reason = '';
  process.on('uncaughtExceptionMonitor', (error: unknown) => (reason = text(error, 20_000)));
  process.on('exit', (code) => {
    const killed = code > 128 && code < 160;
    run.end(
      code === 0 ? 'finished' : killed ? 'killed' : 'failed',
      reason || (code === 0 ? '' : `exit code ${code}`),
      code,
    );
  });
}
