import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { captureQuickly } from './capture.js';
import { detectLaunch, runIdOf } from './launch.js';
import { Run } from './run.js';
import { SpoolWriter } from './spool.js';
import { toParams } from './values.js';

export interface InitOptions {
  readonly project?: string;
  readonly name?: string;
  /** Processes that give the same id write to one run. */
  readonly id?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Labels, or tags with values. */
  readonly tags?: readonly string[] | Readonly<Record<string, string>>;
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
  const { env } = process;
  const found = detectLaunch(env, process.ppid);
  const mode = options.mode ?? env['RUNSTREAM_MODE'] ?? 'online';
  if (!['online', 'offline', 'disabled'].includes(mode))
    throw new RangeError(`mode: "${mode}" is not one of online, offline, disabled`);
  const worldSize = options.worldSize ?? found.worldSize;
  const writer = randomUUID().replaceAll('-', '');
  const run =
    options.id ??
    env['RUNSTREAM_RUN_ID'] ??
    (found.job !== '' && worldSize > 1 ? runIdOf(found.job) : randomUUID().replaceAll('-', '').slice(0, 20));
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(run))
    throw new RangeError(`id: "${run}" is not a run id: letters, digits, ".", "_" and "-"`);
  const meta = {
    run,
    project: options.project ?? env['RUNSTREAM_PROJECT'] ?? 'default',
    writer,
    rank: options.rank ?? found.rank,
    worldSize,
    mode,
    url: options.url ?? env['RUNSTREAM_URL'] ?? 'http://127.0.0.1:7171',
    attempt: options.attempt ?? found.attempt,
    source: 'sdk-typescript/0.1.0',
    environment: options.captureEnvironment === false ? null : captureQuickly(found.launcher),
  };
  if (mode === 'disabled') return new Run(meta, null);
  let opened: Run;
  try {
    const folder = resolve(options.dir ?? env['RUNSTREAM_DIR'] ?? '.runstream', 'spool', run, writer);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${folder}/meta.json`, JSON.stringify(meta), { mode: 0o600 });
    opened = new Run(meta, new SpoolWriter(folder, options.spoolBytesMax ?? 4 * 2 ** 30));
  } catch (error) {
    process.stderr.write(`runstream: no spool can be made (${(error as Error).message}); this run is not recorded\n`);
    return new Run(meta, null);
  }
  sayStarted(opened, options, meta, options.launch ?? (found.launch || writer));
  if (mode === 'online') opened.startSender(options.apiKey);
  if (options.captureConsole !== false) opened.captureConsole();
  endWithProcess(opened);
  return opened;
}

function sayStarted(run: Run, options: InitOptions, meta: Run['meta'], launch: string): void {
  const labels = Array.isArray(options.tags) ? (options.tags as string[]) : [];
  const tags = Array.isArray(options.tags) ? {} : (options.tags ?? {});
  run.say('RunStarted', {
    project: meta.project,
    name: options.name ?? '',
    group: options.group ?? '',
    jobType: options.jobType ?? '',
    user: options.user ?? meta.environment?.['user'] ?? '',
    notes: options.notes ?? '',
    tags,
    params: toParams(options.config ?? {}),
    environment: meta.environment,
    worldSize: meta.worldSize,
    launch: launch.slice(0, 200),
    fromStep: options.fromStep ?? 0,
    hasFromStep: options.fromStep !== undefined,
    costPerHour: options.costPerHour ?? 0,
    labels,
  });
  run.step = options.fromStep ?? 0;
}

/** A process that ends without finish(): its code or its exception says how; a killed one says nothing and is seen as lost. */
function endWithProcess(run: Run): void {
  let reason = '';
  process.on('uncaughtExceptionMonitor', (error) => (reason = `${error.name}: ${error.message}`));
  process.on('exit', (code) => run.end(code === 0 ? 'finished' : 'failed', reason, code));
}
