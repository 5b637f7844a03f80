import { writeFileSync } from 'node:fs';
import { captureQuickly } from './capture.js';
import { makeSpoolFolder } from './places.js';
import { Run } from './run.js';
import { readSettings } from './settings.js';
import { SpoolWriter } from './spool.js';
import { labelParts, paramBytes, portions, tagParts } from './tracked.js';
import { entriesOf, flatten, text } from './values.js';

export interface InitOptions {
  readonly project?: string;
  readonly name?: string;
  /** Processes that give the same id write to one run. */
  readonly id?: string;
  /** An object, a Map, an instance of a class. */
  readonly config?: object;
  /** Labels, or tags with values. */
  readonly tags?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly group?: string;
  readonly jobType?: string;
  readonly notes?: string;
  readonly user?: string;
  readonly url?: string;
  readonly apiKey?: string;
  readonly mode?: 'online' | 'offline' | 'disabled';
  readonly dir?: string;
  readonly rank?: number;
  readonly worldSize?: number;
  readonly launch?: string;
  readonly attempt?: number;
  readonly fromStep?: number;
  readonly costPerHour?: number;
  readonly captureConsole?: boolean;
  readonly captureEnvironment?: boolean;
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
  const meta = { ...settings.meta, environment };
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
