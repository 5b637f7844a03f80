import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { instanceOf, nth } from './claims.js';
import { checkUrl } from './http-client.js';
import { detectLaunch, runIdOf, type Launch } from './launch.js';
import type { Meta } from './batches.js';
import type { InitOptions } from './sdk.js';
import { text, whole } from './values.js';

const [rankMax, attemptMax] = [1_048_575, 65_535];

/** Settings of init() from its options and the environment. What can't be right is refused with the name of the setting. */
export function readSettings(options: InitOptions) {
  const { env } = process;
  const found = detectLaunch(env, process.ppid);
  const mode = text(options.mode ?? env['RUNSTREAM_MODE'] ?? 'online', 40);
  if (!['online', 'offline', 'disabled'].includes(mode))
    throw new RangeError(`mode: "${mode}" is not one of online, offline, disabled`);
  const worldSize = wholeSetting('worldSize', options.worldSize, 0, 2 ** 31 - 1) ?? found.worldSize;
  const rank = wholeSetting('rank', options.rank, 0, rankMax) ?? found.rank;
  const root = resolve(text(options.dir ?? env['RUNSTREAM_DIR'] ?? '.runstream', 4_000));
  const writer = randomUUID().replaceAll('-', '');
  const project = text(options.project ?? env['RUNSTREAM_PROJECT'] ?? 'default', 1_000) || 'default';
  if (project.trim() !== project || project.length > 256 || /[\u0000-\u001f\u007f]/.test(project))
    throw new RangeError(
      'project: must not begin or end with a space or hold control characters, at most 256 characters',
    );
  const url = text(options.url ?? env['RUNSTREAM_URL'] ?? '', 4_000) || 'http://127.0.0.1:7171';
  checkUrl(url);
  const fromStep = wholeSetting('fromStep', options.fromStep, -(2 ** 53), 2 ** 53);
  const costPerHour = Number(options.costPerHour ?? 0);
  if (!Number.isFinite(costPerHour))
    throw new RangeError(`costPerHour: ${text(options.costPerHour, 80)} is not a number`);
  const identity = identify(options, found, { root, worldSize, rank, mode });
  return {
    meta: {
      run: identity.run,
      project,
      writer,
      rank,
      worldSize,
      mode,
      url,
      attempt: wholeSetting('attempt', options.attempt, 0, attemptMax) || found.attempt,
      source: 'sdk-typescript/0.1.0',
      countsOn: identity.known && fromStep === null,
      fromStep,
      system: systemSetting(options, root),
    },
    launcher: found.launcher,
    launch: identity.launch || writer,
    root,
    fromStep,
    costPerHour,
    spoolBytesMax: wholeSetting('spoolBytesMax', options.spoolBytesMax, 1, 2 ** 53 - 1) ?? 4 * 2 ** 30,
  };
}

/**
 * Which run, which start of it, and whether the run may be there already. The n-th run that a process begins in one launch is a run of its own,
 * the same on all ranks; a launch that claims a rank which is taken is another start, and another job where the job has no name of its own.
 */
function identify(
  options: InitOptions,
  found: Launch,
  { root, worldSize, rank, mode }: { root: string; worldSize: number; rank: number; mode: string },
): { run: string; launch: string; known: boolean } {
  const chosen = text(options.id ?? process.env['RUNSTREAM_RUN_ID'], 200);
  const named = options.launch ?? process.env['RUNSTREAM_LAUNCH'];
  let launch = text(named ?? found.launch, 150);
  let job = worldSize > 1 ? found.job : '';
  if (found.launch !== '' && !named && mode !== 'disabled') {
    const start = instanceOf(root, found.launch, rank);
    if (start !== '') launch = `${launch}#${start}`;
    if (start !== '' && found.weak && job !== '') job = `${job}#${start}`;
  }
  if (chosen === '' && job === '') return { run: randomUUID().replaceAll('-', '').slice(0, 20), launch, known: false };
  const number = nth(chosen === '' ? `job ${job}` : `run ${chosen}`);
  const run = chosen || runIdOf(number === 1 ? job : `${job}:${number}`);
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(run))
    throw new RangeError(`id: "${run}" is not a run id: letters, digits, ".", "_" and "-"`);
  return { run, launch: number > 1 && launch !== '' ? `${launch}:${number}` : launch, known: true };
}

const [yes, no] = [
  ['1', 'true', 'yes', 'on'],
  ['0', 'false', 'no', 'off'],
];

/** What the sender samples of the machine; null: nothing. */
function systemSetting(options: InitOptions, root: string): Meta['system'] {
  const said = (process.env['RUNSTREAM_CAPTURE_SYSTEM'] ?? '').trim().toLowerCase();
  if (said !== '' && ![...yes, ...no].includes(said))
    throw new RangeError(
      `RUNSTREAM_CAPTURE_SYSTEM: "${said.slice(0, 40)}" is not one of ${[...yes, ...no].join(', ')}`,
    );
  const seconds = process.env['RUNSTREAM_SYSTEM_INTERVAL_S'];
  const given = options.systemIntervalMs ?? (seconds ? Number(seconds) * 1_000 : 5_000);
  const intervalMs = Number(given);
  if (!(intervalMs >= 1_000 && intervalMs <= 86_400_000))
    throw new RangeError(
      `systemIntervalMs: ${text(options.systemIntervalMs ?? `${seconds} s`, 80)} is not from 1000 to 86400000 ms`,
    );
  if (!(options.captureSystem ?? !no.includes(said))) return null;
  let cwd = '/'; // where the folder was removed
  try {
    cwd = process.cwd();
  } catch {
    // as said
  }
  return { intervalMs, cwd, root };
}

function wholeSetting(name: string, value: unknown, least: number, most: number): number | null {
  if (value === undefined || value === null) return null;
  const number = whole(value);
  if (number === null || number < least || number > most)
    throw new RangeError(`${name}: ${text(value, 80)} is not a whole number from ${least} to ${most}`);
  return number;
}
