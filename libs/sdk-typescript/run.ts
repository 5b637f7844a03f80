import { spawn, type ChildProcess } from 'node:child_process';
import { constants, copyFileSync, existsSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Meta } from './batches.js';
import { readIfThere } from './journal.js';
import { kinds, recordBytesMax, SpoolFull, type RowBuffer, type SpoolWriter } from './spool.js';
import { createTags, createValues, toParams, type Tags, type Values } from './values.js';
import type { Message } from './wire.js';

export type Metrics = Readonly<Record<string, number>>;
export type FinishState = 'finished' | 'failed' | 'killed';
const stepMax = 2 ** 53;
const keysPerRowMax = 5_000;
const keysetsMax = 10_000;
/** Between restarts of a sender that was killed; doubled each time. */
const restartMs = { first: 200, max: 30_000 };
const goodKey = (key: string): boolean => key !== '' && key.length <= 500 && !/[\u0000-\u001f\u007f]/.test(key);

/** Made by init(). None of its methods throws because of the network, the disk or a bad value. */
export class Run {
  readonly config: Values;
  readonly summary: Values;
  readonly tags: Tags;
  /** The step that log() without a step takes next. */
  step = 0;
  records = 0;
  skipped = 0;
  dropped = 0;
  #finished: boolean;
  #undeclared = false;
  #last: RowBuffer | null = null;
  readonly #keysets = new Map<string, RowBuffer>();
  readonly #said = new Set<string>();
  readonly #undo: (() => void)[] = [];
  #lines = 0;
  #files = 0;
  #sender: ChildProcess | null = null;
  #restarting = false;

  constructor(
    readonly meta: Meta & { readonly worldSize: number; readonly mode: string },
    readonly spool: SpoolWriter | null,
  ) {
    this.#finished = spool === null;
    this.config = createValues((values) => this.say('ParamsLogged', { params: toParams(values) }));
    this.summary = createValues((values) => this.say('SummarySet', { values: toParams(values) }));
    this.tags = createTags((change) => this.say('TagsSet', change));
  }

  get id(): string {
    return this.meta.run;
  }
  get rank(): number {
    return this.meta.rank;
  }
  get url(): string {
    return `${this.meta.url.replace(/\/$/, '')}/runs/${this.meta.run}`;
  }

  /** Metrics of one step; NaN and infinities are values too. Without a step it counts by itself from 0. */
  log(metrics: Metrics, step: number = this.step): void {
    if (this.#finished) return this.#late();
    try {
      const row = this.#fill(metrics);
      if (row === null || !Number.isInteger(step) || step <= -stepMax || step >= stepMax)
        return this.#logSlowly(metrics, step);
      this.#append(row, step);
    } catch (error) {
      this.#skip('log() failed', `log() failed: ${String(error)}`);
    }
  }

  /** Values into the row of the same keys; null when these keys are new or a value is not a number. */
  #fill(metrics: Metrics): RowBuffer | null {
    let row = this.#last;
    if (row === null) return null;
    let count = 0;
    let { keys, cells } = row;
    for (const key in metrics) {
      if (key !== keys[count]) {
        const other = this.#keysets.get(Object.keys(metrics).join('\n'));
        if (other === undefined || other === row) return null;
        this.#last = row = other;
        ({ keys, cells } = row);
        return this.#fill(metrics);
      }
      const value = metrics[key];
      if (typeof value !== 'number') return null;
      cells[2 + count] = value;
      count += 1;
    }
    if (count === keys.length) return row;
    const shorter = this.#keysets.get(Object.keys(metrics).join('\n'));
    if (shorter === undefined) return null;
    this.#last = shorter;
    return this.#fill(metrics);
  }

  #append(row: RowBuffer, step: number): void {
    row.cells[0] = step;
    row.cells[1] = Date.now();
    this.step = step + 1;
    try {
      this.spool!.appendRow(row);
      this.records += 1;
    } catch (error) {
      return this.#drop(error);
    }
    if (this.#undeclared) this.#declare();
  }

  #logSlowly(metrics: Metrics, step: number): void {
    if (!Number.isSafeInteger(step))
      return this.#skip('step', `step ${String(step)} is not a whole number within 2^53`);
    const good = Object.entries(metrics).filter(([key, value]) => {
      if (typeof value === 'number' && goodKey(key)) return true;
      this.#skip(
        key,
        `"${key.slice(0, 80)}" can't be logged: ${goodKey(key) ? `its value is not a number but ${typeof value}` : 'not a metric key'}`,
      );
      return false;
    });
    for (let at = 0; at < good.length; at += keysPerRowMax) {
      const part = Object.fromEntries(good.slice(at, at + keysPerRowMax));
      const keys = Object.keys(part);
      const name = keys.join('\n');
      if (this.#keysets.size >= keysetsMax) this.#keysets.clear();
      const row = this.#keysets.get(name) ?? this.spool!.addKeyset(keys);
      this.#keysets.set(name, row);
      this.#last = row;
      this.#append(this.#fill(part)!, step);
    }
  }

  #record(kind: number, tag: number, number: number, body: string, urgent = false): void {
    if (this.#finished) return this.#late();
    try {
      const bytes = Buffer.from(body);
      if (bytes.length > recordBytesMax)
        return this.#skip('size', `${bytes.length} bytes are too large for one record`);
      this.spool!.append(kind, tag, number, Date.now(), bytes, urgent);
      this.records += 1;
    } catch (error) {
      if (kind !== kinds.dropped) this.#drop(error);
    }
  }

  /** An event of the topic runs, by its name on the wire. */
  say(name: string, data: Message): void {
    this.#record(kinds.event, 0, 0, JSON.stringify([name, data]), name === 'RunFinished');
  }

  note(text: string): void {
    this.say('NoteSet', { text: text.slice(0, 200_000) });
  }
  rename(name: string): void {
    this.say('RunRenamed', { name: name.slice(0, 500) });
  }
  useArtifact(digest: string, name = '', fromRun = ''): void {
    this.say('ArtifactUsed', { digest, name, fromRun });
  }

  /** A file. It is copied to the spool here, so that it may change afterwards, and uploaded by the sender. */
  logArtifact(
    path: string,
    options: { name?: string; type?: string; metadata?: Record<string, string>; step?: number } = {},
  ): void {
    if (this.#finished) return this.#late();
    try {
      const kept = join(this.spool!.folder, `file-${++this.#files}`);
      copyFileSync(path, kept, constants.COPYFILE_FICLONE);
      const { name = basename(path), type = 'file', metadata = {}, step = null } = options;
      this.#record(kinds.artifact, 0, 0, JSON.stringify({ name, type, path: kept, copied: true, metadata, step }));
    } catch (error) {
      this.#skip('artifact', `artifact ${path} could not be kept: ${String(error)}`);
    }
  }

  /** Ends this process's part of the run and waits until everything is delivered; false when something is left after `timeoutMs`. */
  async finish(
    options: { state?: FinishState; reason?: string; exitCode?: number; timeoutMs?: number } = {},
  ): Promise<boolean> {
    if (this.#finished) return true;
    this.end(options.state ?? 'finished', options.reason ?? '', options.exitCode ?? 0);
    const folder = this.spool!.folder;
    if (this.#sender === null) {
      this.#warn('offline', `run kept in ${folder}; deliver it with: runstream-sync`);
      return false;
    }
    const endsAt = Date.now() + (options.timeoutMs ?? 30_000);
    while (existsSync(folder)) {
      if (Date.now() > endsAt || (this.#sender.exitCode !== null && !this.#restarting)) {
        if (!existsSync(folder)) break;
        const left = this.records - Number(readIfThere(join(folder, 'progress')) || 0);
        this.#warn(
          'left',
          `${left} records are not delivered yet (${readIfThere(join(folder, 'trouble'))}); they are kept in ${folder}`,
        );
        return false;
      }
      await sleep(3);
    }
    return true;
  }

  /** The part of finish() that does not wait. */
  end(state: FinishState, reason: string, exitCode: number): void {
    if (this.#finished) return;
    for (const undo of this.#undo) undo();
    if (this.#undeclared) this.#declare();
    this.say('RunFinished', { state, reason: reason.slice(0, 30_000), exitCode });
    this.#finished = true;
    this.spool!.close();
    writeFileSync(join(this.spool!.folder, 'closed'), '');
  }

  #declare(): void {
    this.#undeclared = false;
    this.#record(kinds.dropped, 0, this.dropped, '', true);
  }
  #drop(error: unknown): void {
    if (!(error instanceof SpoolFull)) throw error;
    this.dropped += 1;
    this.#undeclared = true;
    this.#warn('full', `${error.message}; what is logged is dropped (and counted) until there is room again`);
  }
  #late(): void {
    if (this.spool !== null) this.#warn('finished', 'the run is finished; what is logged now is left out');
  }
  #skip(topic: string, text: string): void {
    this.skipped += 1;
    this.#warn(topic, `${text}; left out (further ones are only counted in run.skipped)`);
  }
  #warn(topic: string, text: string): void {
    if (this.#said.has(topic) || this.#said.size > 100) return;
    this.#said.add(topic);
    process.stderr.write(`runstream: ${text}\n`);
  }

  captureConsole(): void {
    for (const [tag, stream] of [process.stdout, process.stderr].entries()) {
      const original = stream.write.bind(stream);
      let rest = '';
      const keep = (line: string): void =>
        this.#record(kinds.line, tag, ++this.#lines, line.replace(/\r$/, '').split('\r').at(-1)!.slice(0, 60_000));
      stream.write = (chunk: string | Uint8Array, ...more: never[]): boolean => {
        const pieces = (rest + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))).split('\n');
        rest = pieces.pop()!.slice(-1_000_000);
        pieces.forEach(keep);
        return original(chunk, ...more);
      };
      this.#undo.push(() => {
        if (rest !== '') keep(rest);
        stream.write = original;
      });
    }
  }

  /** A process of its own, which outlives this one; started again when it dies alone. */
  startSender(apiKey: string | undefined): void {
    this.#spawnSender(apiKey, restartMs.first);
    const { folder } = this.spool!;
    const watch = setInterval(() => {
      const trouble = existsSync(join(folder, 'trouble')) ? readFileSync(join(folder, 'trouble'), 'utf8') : '';
      if (trouble !== '')
        this.#warn('trouble', `not everything is delivered (${trouble}); training goes on, all is kept in ${folder}`);
      if (this.#finished || trouble !== '') clearInterval(watch);
    }, 2_000);
    watch.unref();
  }

  #respawnSender(apiKey: string | undefined, waitMs: number): void {
    try {
      if (existsSync(this.spool!.folder)) this.#spawnSender(apiKey, waitMs);
    } catch (error) {
      this.#warn(
        'sender',
        `the sender can't be started again (${String(error)}); all is kept, runstream-sync delivers it`,
      );
    }
  }

  #spawnSender(apiKey: string | undefined, waitMs: number): void {
    const fromSource = import.meta.url.endsWith('.ts');
    const path = fileURLToPath(new URL(`sender-process.${fromSource ? 'ts' : 'js'}`, import.meta.url));
    const loader = fromSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
    const { folder } = this.spool!;
    const log = openSync(join(folder, 'sender.log'), 'a');
    const env = { ...process.env, ...(apiKey ? { RUNSTREAM_API_KEY: apiKey } : {}) };
    const sender = spawn(process.execPath, [...loader, path, folder, String(process.pid)], {
      detached: true,
      stdio: ['ignore', log, log],
      env,
    });
    this.#sender = sender;
    sender.on('error', (error) => this.#warn('sender', `the sender can't be started (${error.message})`));
    sender.on('exit', (_code, signal) => {
      // an exit of its own is its last word (delivered, or refused); a signal is not, and what it had not sent is in the spool
      if (signal === null || !existsSync(folder)) return;
      this.#restarting = true;
      const timer = setTimeout(() => {
        this.#restarting = false;
        this.#respawnSender(apiKey, Math.min(waitMs * 2, restartMs.max));
      }, waitMs);
      if (!this.#finished) timer.unref();
    });
    sender.unref();
    closeSync(log);
  }
}
