import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Meta } from './batches.js';
import { captureConsole } from './console.js';
import { readIfThere } from './journal.js';
import { copyAsItIs, filesOf, NotAFile, type ArtifactOptions } from './kept-files.js';
import { maskText } from './masks.js';
import { KeptValues, longParam } from './kept-values.js';
import { richOf, type Rich } from './rich.js';
import { SenderChild } from './sender-child.js';
import { counted, kinds, recordBytesMax, SpoolFull, type RowBuffer, type SpoolWriter } from './spool.js';
import { createTags, createValues, paramBytes, portions, type Param, type Tags, type Values } from './tracked.js';
import { flatten, goodKey, jsonText, metric, text, whole } from './values.js';
import type { Message } from './wire.js';

/** What log() takes: numbers, texts, images and the like, lists of these, and nested objects, whose keys are joined by dots. */
export type Loggable = number | string | Rich | readonly Rich[] | { readonly [key: string]: Loggable };
/** Values by key: keys of at most 500 characters. */
export type Metrics = Readonly<Record<string, Loggable>>;
/** How a process ended. */
export type FinishState = 'finished' | 'failed' | 'killed';
const stepMax = 2 ** 53;
const keysPerRowMax = 5_000;
const keysetsMax = 10_000;
const paramsPerEventMax = 5_000;
const paramCharsMax = 64_000;
const states: readonly unknown[] = ['finished', 'failed', 'killed'];
/** Made by init(). None of its methods throws because of the network, the disk or a bad value. */
export class Run {
  /** Params: what is assigned to it is logged; reads like an object. */
  readonly config: Values;
  /** Results that are said rather than computed from metrics: what is assigned is logged. */
  readonly summary: Values;
  /** Tags and labels. */
  readonly tags: Tags;
  /** The step that log() without a step takes next. */
  step = 0;
  /** Records kept so far, for delivery. */
  records = 0;
  /** Values that could not be kept; each kind is warned of once. */
  skipped = 0;
  /** Records that found no space in the spool. */
  dropped = 0;
  #finished: boolean;
  #undeclared = false;
  #last: RowBuffer | null = null;
  readonly #keysets = new Map<string, RowBuffer>();
  readonly #said = new Set<string>();
  readonly #undo: (() => void)[] = [];
  #lines = 0;
  #files = 0;
  readonly #values: KeptValues | null;
  #sender: SenderChild | null = null;
  /** Marks steps that are counted here, until one is given. */
  #counted: number;

  /** @internal */
  constructor(
    /** @internal */
    readonly meta: Meta & { readonly worldSize: number; readonly mode: string },
    /** @internal */
    readonly spool: SpoolWriter | null,
    config: Readonly<Record<string, unknown>> = {},
  ) {
    this.#finished = spool === null;
    this.#values = spool && new KeptValues(spool.folder, spool.bytesMax, this.#nextFile);
    this.#counted = meta.countsOn ? counted : 0;
    this.config = createValues((values) => this.#sayParams('ParamsLogged', 'params', values), config);
    this.summary = createValues((values) => this.#sayParams('SummarySet', 'values', values));
    this.tags = createTags(this);
  }

  /** The run's id. */
  get id(): string {
    return this.meta.run;
  }
  /** This process's rank, from 0. */
  get rank(): number {
    return this.meta.rank;
  }
  /** The run's page. */
  get url(): string {
    return maskText(`${this.meta.url.replace(/\/+$/, '')}/runs/${this.meta.run}`);
  }

  /** Metrics of one step; NaN and infinities are values too. Without a step it counts by itself, behind what the run has already. */
  log(metrics: Metrics, step?: number): void {
    if (this.#finished) return this.#late();
    try {
      const row = this.#fill(metrics);
      const at = step ?? this.step;
      if (row === null || !Number.isInteger(at) || at <= -stepMax || at >= stepMax)
        return this.#logSlowly(metrics, step);
      this.#append(row, at, step === undefined || step === null ? this.#counted : 0);
    } catch (error) {
      this.skip('log() failed', `log() failed: ${text(error, 500)}`);
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

  #append(row: RowBuffer, step: number, mark: number): void {
    row.cells[0] = step;
    row.cells[1] = Date.now();
    row.head[3] = row.keyset + mark;
    this.#counted = mark;
    this.step = step + 1;
    try {
      this.spool!.appendRow(row);
      this.records += 1;
    } catch (error) {
      return this.#drop(error);
    }
    if (this.#undeclared) this.#declare();
  }

  #logSlowly(metrics: unknown, given: unknown): void {
    const own = given === undefined || given === null;
    const step = own ? this.step : whole(given);
    if (step === null) return this.skip('step', `step ${text(given, 80)} is not a whole number within 2^53`);
    if (typeof metrics !== 'object' || metrics === null)
      return this.skip('metrics', `log() takes an object of numbers, and ${text(metrics, 80)} is not one`);
    const mark = own ? this.#counted : 0;
    const rich: [string, readonly Rich[]][] = [];
    const good = flatten(metrics).flatMap(([key, value]): [string, number][] => {
      const number = metric(value);
      if (number !== null && goodKey(key)) return [[key, number]];
      const values = goodKey(key) ? richOf(value) : null;
      const why = goodKey(key) ? `its value is not a number but ${typeof value}` : 'not a metric key';
      if (values) rich.push([key, values]);
      else this.skip(key.slice(0, 80), `"${key.slice(0, 80)}" can't be logged: ${why}`);
      return [];
    });
    for (let at = 0; at < good.length; at += keysPerRowMax) {
      const part = Object.fromEntries(good.slice(at, at + keysPerRowMax));
      const keys = Object.keys(part);
      const name = keys.join('\n');
      if (this.#keysets.size >= keysetsMax) this.#keysets.clear();
      const row = this.#keysets.get(name) ?? this.spool!.addKeyset(keys);
      this.#keysets.set(name, (this.#last = row));
      this.#append(this.#fill(part)!, step, mark);
    }
    if (good.length === 0) [this.step, this.#counted] = [step + 1, mark];
    for (const [key, values] of rich)
      for (const [index, value] of values.entries()) {
        try {
          this.#record(kinds.value, mark, 0, this.#values!.record({ key, step, index, count: values.length }, value));
        } catch (error) {
          this.#drop(error);
        }
      }
  }

  #record(kind: number, tag: number, number: number, body: string, urgent = false): void {
    if (this.#finished) return this.#late();
    try {
      const bytes = Buffer.from(body);
      if (bytes.length > recordBytesMax) return this.skip('size', `${bytes.length} bytes are too large for one record`);
      this.spool!.append(kind, tag, number, Date.now(), bytes, urgent);
      this.records += 1;
    } catch (error) {
      if (kind !== kinds.dropped) this.#drop(error);
    }
  }

  /** An event of the topic runs, by its name on the wire. @internal */
  say(name: string, data: Message): void {
    this.#record(kinds.event, 0, 0, JSON.stringify([name, data]), name === 'RunFinished');
  }

  /** As the wire has them. A value beyond the limit is kept whole in a file of the run, and its beginning here. @internal */
  params(values: readonly (readonly [string, unknown])[]): Param[] {
    return values.flatMap(([key, value]) => {
      const name = text(key, 501);
      if (!this.goodKey(name, 'param or summary value')) return [];
      const json = jsonText(value, name);
      return [{ key: name, json: json.length <= paramCharsMax ? json : this.#keepLongValue(name, json) }];
    });
  }

  #keepLongValue(name: string, whole: string): string {
    const { record, json, label } = longParam(this.spool!.folder, name, whole, this.#nextFile());
    this.#record(kinds.artifact, 0, 0, record);
    this.warn(
      `long ${name}`,
      `the value of "${name.slice(0, 80)}" has ${whole.length} characters, a param at most ${paramCharsMax}; its beginning is kept as the param, all of it as the file ${label} of the run`,
    );
    return json;
  }
  readonly #nextFile = (): string => `file-${++this.#files}`;

  #sayParams(event: string, field: string, values: readonly (readonly [string, unknown])[]): void {
    if (this.#finished) return this.#late();
    try {
      for (const part of portions(this.params(values), paramsPerEventMax, paramBytes))
        this.say(event, { [field]: part });
    } catch (error) {
      this.skip(field, `${field} could not be kept: ${text(error, 500)}`);
    }
  }

  /** Sets the run's note: at most 200,000 characters. The last note stands. */
  note(words: string): void {
    this.say('NoteSet', { text: this.cut(words, 200_000, 'the note') });
  }
  /** Calls the run so from now on: at most 500 characters. */
  rename(name: string): void {
    const said = text(name, 500);
    if (said === '') return this.skip('name', "a run can't be renamed to nothing");
    this.say('RunRenamed', { name: said });
  }
  /** Says that this run read an artifact, "sha256:" and 64 hexadecimal digits; `name` here, and the id of the run that made it. */
  useArtifact(digest: string, name = '', fromRun = ''): void {
    const [said, run] = [text(digest, 200), text(fromRun, 128)];
    if (!/^sha256:[0-9a-f]{64}$/.test(said))
      return this.skip(
        'digest',
        `"${said.slice(0, 80)}" is not the digest of an artifact, sha256: and 64 hexadecimal digits`,
      );
    this.say('ArtifactUsed', {
      digest: said,
      name: text(name, 500),
      fromRun: /^[A-Za-z0-9._-]*$/.test(run) ? run : '',
    });
  }

  /**
   * A file, or every file of a folder. It is copied to the spool here, so that it may change afterwards, and uploaded by the sender. The same
   * name again is a newer version.
   */
  logArtifact(path: string, options: ArtifactOptions = {}): void {
    if (this.#finished) return this.#late();
    try {
      const given = typeof options === 'object' && options !== null ? options : {};
      if (text(path) === '') return this.skip('artifact', 'an artifact without a path can not be kept');
      const place = resolve(text(path, 4_000));
      const base = text(given.name, 900) || text(basename(place), 900);
      const metadata: Record<string, string> = {};
      for (const [key, value] of flatten(given.metadata ?? {}))
        if (this.goodKey(key, 'metadata entry')) metadata[key] = this.cut(value, 8_000, `the metadata "${key}"`);
      const step = given.step === undefined || given.step === null ? null : whole(given.step);
      if (given.step !== undefined && given.step !== null && step === null)
        this.skip('artifact step', `the step ${text(given.step, 80)} of artifact ${base} is not a whole number`);
      const more = { type: text(given.type, 500) || 'file', metadata, step };
      const lost = (name: string, why: string): void => this.skip(name, `${name} is not kept: ${why}`);
      const files = statSync(place, { throwIfNoEntry: false })?.isDirectory()
        ? filesOf(place, base, lost)
        : [[place, base] as const];
      for (const [source, label] of files) this.#keepFile(source, label, more, lost);
    } catch (error) {
      this.skip('artifact', `artifact ${text(path, 500)} could not be kept: ${text(error, 500)}`);
    }
  }

  #keepFile(source: string, label: string, more: object, lost: (name: string, why: string) => void): void {
    try {
      const kept = this.#nextFile();
      const sizeBytes = copyAsItIs(source, join(this.spool!.folder, kept));
      // named relative to the spool, which may be carried to another machine
      const item = { ...more, name: text(label, 1_000), path: kept, copied: true, sizeBytes };
      this.#record(kinds.artifact, 0, 0, JSON.stringify(item));
    } catch (error) {
      lost(text(label, 500), error instanceof NotAFile ? error.message : text(error, 500));
    }
  }

  /** Ends this process's part of the run and waits until everything is delivered; false when something is left after `timeoutMs`. */
  async finish(
    options: { state?: FinishState; reason?: string; exitCode?: number; timeoutMs?: number } = {},
  ): Promise<boolean> {
    if (this.#finished) return true;
    const given = typeof options === 'object' && options !== null ? options : {};
    const code = whole(given.exitCode ?? 0) ?? 1;
    const state = states.includes(given.state) ? given.state! : code === 0 ? 'finished' : 'failed';
    if (given.state !== undefined && given.state !== state)
      this.warn('state', `state ${text(given.state, 80)} is not one of finished, failed, killed; taken for ${state}`);
    this.end(state, text(given.reason, 30_000), code);
    const folder = this.spool!.folder;
    if (this.#sender === null) {
      this.warn('offline', `run kept in ${folder}; deliver it with: runstream-sync`);
      return false;
    }
    const endsAt = Date.now() + (metric(given.timeoutMs) ?? 30_000);
    while (existsSync(folder)) {
      if (Date.now() > endsAt || this.#sender.hasEnded) {
        if (!existsSync(folder)) break;
        const left = this.records - Number(readIfThere(join(folder, 'progress')) || 0);
        this.warn(
          'left',
          `${left} records are not delivered yet (${readIfThere(join(folder, 'trouble'))}); they are kept in ${folder}`,
        );
        return false;
      }
      await sleep(3);
    }
    return true;
  }

  /** The part of finish() that does not wait. @internal */
  end(state: FinishState, reason: string, exitCode: number): void {
    if (this.#finished) return;
    for (const undo of this.#undo) undo();
    if (this.#undeclared) this.#declare();
    this.say('RunFinished', { state, reason: text(reason, 30_000), exitCode: exitCode | 0 });
    this.#finished = true;
    this.spool!.close();
    writeFileSync(join(this.spool!.folder, 'closed'), '');
  }

  /** Whether it can be one; said where it can't. @internal */
  goodKey(key: string, what: string): boolean {
    if (goodKey(key)) return true;
    this.skip(
      key.slice(0, 80),
      `"${key.slice(0, 80)}" can't be the key of a ${what}: 1 to 500 characters, no control characters`,
    );
    return false;
  }
  /** A text within its limit; that it was cut is said. @internal */
  cut(value: unknown, charsMax: number, what: string): string {
    const said = text(value, charsMax + 1);
    if (said.length <= charsMax) return said;
    this.warn(`cut ${what}`, `${what} is longer than ${charsMax} characters; its beginning is kept`);
    return said.slice(0, charsMax);
  }

  #declare(): void {
    this.#undeclared = false;
    this.#record(kinds.dropped, 0, this.dropped, '', true);
  }
  #drop(error: unknown): void {
    if (!(error instanceof SpoolFull)) throw error;
    this.dropped += 1;
    this.#undeclared = true;
    this.warn('full', `${error.message}; what is logged is dropped (and counted) until there is room again`);
  }
  #late(): void {
    if (this.spool !== null) this.warn('finished', 'the run is finished; what is logged now is left out');
  }
  /** Counts and warns of what was left out. @internal */
  skip(topic: string, words: string): void {
    this.skipped += 1;
    this.warn(topic, `${words}; left out (further ones are only counted in run.skipped)`);
  }
  /** Once per topic. @internal */
  warn(topic: string, words: string): void {
    if (this.#said.has(topic) || this.#said.size > 100) return;
    this.#said.add(topic);
    try {
      process.stderr.write(`runstream: ${words}\n`);
    } catch {
      // a closed stderr must not hurt training
    }
  }

  /** @internal */
  captureConsole(): void {
    this.#undo.push(captureConsole((tag, line) => this.#record(kinds.line, tag, ++this.#lines, line)));
  }

  /** A process of its own, which outlives this one; started again when it dies alone. @internal */
  startSender(apiKey: string | undefined): void {
    const { folder } = this.spool!;
    this.#sender = new SenderChild(folder, apiKey, (topic, words) => this.warn(topic, words));
    this.#sender.start(() => this.#finished);
    const watch = setInterval(() => {
      const trouble = existsSync(join(folder, 'trouble')) ? readFileSync(join(folder, 'trouble'), 'utf8') : '';
      if (trouble !== '')
        this.warn('trouble', `not everything is delivered (${trouble}); training goes on, all is kept in ${folder}`);
      if (this.#finished || trouble !== '') clearInterval(watch);
    }, 2_000);
    watch.unref();
  }
}
