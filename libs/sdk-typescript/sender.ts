import { existsSync, openSync, readFileSync, rmSync, rmdirSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  encodeOne,
  readBatch,
  telemetryNames,
  uploaded,
  type ArtifactItem,
  type Batch,
  type Meta,
  type SetAside,
} from './batches.js';
import { captureThoroughly } from './capture.js';
import { Gone } from './gone.js';
import { HttpClient } from './http-client.js';
import { Journal, type JournalState, type Plan, type Said } from './journal.js';
import { KafkaTransport } from './kafka-transport.js';
import { Poster, Stopped, type EventResult } from './posting.js';
import { lockSpool, unlockSpool } from './sender-lock.js';
import { positionsPerSegment, SpoolReader } from './spool.js';
import { keepPatch } from './source-state.js';
import { Sampling } from './sampling.js';
import { keepSetAside, writeSetAside } from './set-aside.js';
import { stepsBefore } from './steps-before.js';
import { forgetFile, pathOf, Refused, upload } from './uploads.js';
import { encodeMessage } from './wire.js';

const heartbeatMs = 5_000;
const requestBytesMax = 4 * 1024 * 1024;
const trickleMs = 40; // at most 25 requests a second while little is logged
const refusedMs = { first: 2_000, max: 60_000 };

/** By the name of its position in the journal. */
type Source = 'position' | 'system';
export interface SenderOptions {
  readonly folder: string;
  /** 0: nobody writes to this spool any more. */
  readonly parentPid: number;
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Telemetry goes straight to this Kafka where that can be; the door takes the rest. */
  readonly kafka?: string | undefined;
  /** How long to wait for a server that is away once the training process is gone. */
  readonly patienceMs: number;
}

/** Delivers one spool: numbers are written down first, then bytes are sent until they are answered. */
export class Sender {
  readonly meta: Meta;
  readonly #firstWriter: string;
  readonly #reader: SpoolReader;
  readonly #journal: Journal;
  readonly #client: HttpClient;
  readonly #poster: Poster;
  readonly #gone: Gone;
  readonly #sampling: Sampling;
  readonly #progressFd: number;
  #built: Batch[] = [];
  #inbox: Said[] = [];
  #pending = 0;
  #heartbeatAt = 0;
  #sentAt = 0;
  readonly #forgotten = new Map<Source, number>();
  #refusedMs = refusedMs.first;

  constructor(readonly options: SenderOptions) {
    const { folder } = options;
    this.meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as Meta;
    this.#firstWriter = this.meta.writer;
    lockSpool(folder);
    this.#reader = new SpoolReader(folder);
    this.#journal = new Journal(folder);
    const { state } = this.#journal;
    // files that could not be delivered once are tried again
    state.artifacts.push(...state.failed.splice(0));
    const url = options.url ?? this.meta.url;
    this.#client = new HttpClient(url, options.apiKey);
    this.#gone = new Gone(folder, options.parentPid);
    const { meta } = this;
    const say = (said: Said): void => void this.#inbox.push(said);
    this.#sampling = new Sampling({ ...options, meta, gone: this.#gone, state, say });
    const givesUp = (): boolean => this.#gone.looked() && this.#gone.isLongerThan(options.patienceMs);
    this.#poster = new Poster(this.#client, url, (text) => this.#trouble(text), givesUp);
    this.#nameWriter(state.tries);
    this.#progressFd = openSync(join(folder, 'progress'), 'w', 0o600);
  }

  get records(): number {
    return this.#journal.state.records;
  }
  /** Files that could not be delivered; their bytes lie in the folder. */
  get failed(): readonly ArtifactItem[] {
    return this.#journal.state.failed;
  }

  /** Until the run is finished, or its process is gone, and nothing is left; then the folder goes. */
  async run(): Promise<void> {
    const { state } = this.#journal;
    let activeAt = 0;
    try {
      await this.#openDirect();
      this.#capture();
      this.#sampling.start();
      for (;;) {
        const gone = this.#gone.looked();
        if (gone) this.#sampling.end();
        if (state.plans.length === 0) this.#plan(gone);
        if (state.plans.length > 0) {
          await this.#deliver();
          activeAt = Date.now();
          continue;
        }
        if (gone && state.attempt === 0 && this.#poster.givesUp())
          throw new Stopped('the start of the run is not in the spool, nobody can say what belongs to it');
        this.#startUpload();
        const caughtUp = this.#reader.scan(state.position).next().done === true;
        if (caughtUp && !this.#waiting()) {
          if (state.finished) break;
          // the process is gone and has said nothing: this is how it ended, as far as can be seen from here
          if (gone && state.attempt > 0)
            this.#inbox.push({ name: 'RunFinished', data: this.#gone.ending(), timeMs: this.#gone.atMs() });
          else if (gone) break;
        }
        await sleep(Date.now() - activeAt < 500 ? 2 : 10);
      }
      await this.#poster.direct?.close();
      this.#forget();
    } finally {
      this.#sampling.end();
      this.#client.close();
      unlockSpool(this.options.folder);
    }
  }

  #nameWriter(tries: number): void {
    (this.meta as { writer: string }).writer = tries > 0 ? `${this.#firstWriter}.${tries}` : this.#firstWriter;
  }

  async #openDirect(): Promise<void> {
    if (!this.options.kafka) return;
    try {
      this.#poster.direct = await KafkaTransport.open(this.options.kafka);
    } catch (error) {
      process.stderr.write(
        `RUNSTREAM_KAFKA is not used, telemetry goes through ${this.#poster.url}: ${(error as Error).message}\n`,
      );
    }
  }

  #waiting(): boolean {
    const { artifacts } = this.#journal.state;
    return artifacts.length > 0 || this.#pending > 0 || this.#inbox.length > 0 || this.#sampling.open;
  }

  /** The end of the run, which is in the last one, is said after all else. */
  #sources(samples: SpoolReader | null): readonly (readonly [Source, SpoolReader])[] {
    const system = samples && this.#journal.state.attempt > 0 ? [['system', samples] as const] : [];
    return [...system, ['position', this.#reader]];
  }

  #plan(gone: boolean): void {
    const { state } = this.#journal;
    const built: Batch[] = [];
    const plans: Plan[] = [];
    let { telemetrySeq, runsSeq } = state;
    const started = state.attempt > 0;
    let bytes = 0;
    for (const [source, reader] of this.#sources(this.#sampling.news())) {
      for (let from = state[source]; bytes < requestBytesMax;) {
        const holdFinish =
          this.#waiting() || built.some((batch) => batch.artifacts.length > 0 || batch.setAside.length > 0);
        const range = { from, to: Infinity, telemetrySeq, runsSeq, ...this.#common(), holdFinish };
        const batch = readBatch(this.meta, reader, range);
        if (!batch) break;
        plans.push({ source, from, to: batch.end, telemetrySeq, runsSeq });
        built.push(batch);
        ({ telemetrySeq, runsSeq, end: from } = batch);
        bytes += batch.bytes;
        if (batch.started || batch.finished) break;
      }
    }
    const small = built.reduce((sum, batch) => sum + batch.bytes, 0) < 65_536;
    if (built.length > 0 && small && started && !gone && Date.now() - this.#sentAt < trickleMs) return;
    if (started && !built.at(-1)?.finished) {
      for (const { name, timeMs, artifact, failed, file, energy, data } of this.#inbox.splice(0)) {
        const isTelemetry = telemetryNames.has(name);
        const seq = isTelemetry ? ++telemetrySeq : ++runsSeq;
        const ends = name === 'RunFinished' ? { lastTelemetrySeq: telemetrySeq, lastRunsSeq: runsSeq } : {};
        plans.push({ say: name, data: { ...data, ...ends }, timeMs, seq, artifact, failed, file, energy });
      }
    }
    // also while points are sent: a run is running as long as the heartbeats of one of its writers come
    const ends = plans.some((plan) => 'say' in plan && plan.say === 'RunFinished') || built.at(-1)?.finished;
    if (started && !gone && !ends && !state.finished && Date.now() - this.#heartbeatAt >= heartbeatMs) {
      const data = { lastStep: state.lastStep, spooledBytes: 0 };
      plans.push({ say: 'HeartbeatSent', data, timeMs: Date.now(), seq: telemetrySeq + 1 });
    }
    if (plans.length === 0) return;
    this.#built = built;
    state.plans = plans;
    this.#journal.save();
  }

  #attempt(): number {
    return this.#journal.state.attempt || this.meta.attempt;
  }
  #common(): { attempt: number; base: number; beganAtMs: number } {
    const { base, beganAtMs } = this.#journal.state;
    return { attempt: this.#attempt(), base: base ?? 0, beganAtMs };
  }

  async #deliver(): Promise<void> {
    const { state } = this.#journal;
    const events: Buffer[] = [];
    const batches: { readonly source: Source; readonly batch: Batch }[] = [];
    const done = new Map<string, boolean>();
    let finished = false;
    let { telemetrySeq, runsSeq } = state;
    for (const plan of state.plans) {
      if ('say' in plan) {
        events.push(
          encodeOne(this.meta, this.#attempt(), plan.say, plan.timeMs, plan.seq, encodeMessage(plan.say, plan.data)),
        );
        if (telemetryNames.has(plan.say)) telemetrySeq = plan.seq;
        else runsSeq = plan.seq;
        if (plan.say === 'HeartbeatSent') this.#heartbeatAt = Date.now();
        if (plan.artifact !== undefined) done.set(plan.artifact, plan.failed ?? false);
        finished ||= plan.say === 'RunFinished';
        if (plan.say === 'EnvironmentCaptured') state.environment = true;
        state.energy ||= plan.energy ?? false;
        continue;
      }
      // after a crash nothing is built: the same range gives the same bytes
      const { source = 'position' } = plan;
      const reader = source === 'system' ? this.#sampling.reader! : this.#reader;
      const batch =
        this.#built.shift() ?? readBatch(this.meta, reader, { ...plan, ...this.#common(), holdFinish: false });
      if (!batch) throw new Stopped(`the spool does not hold ${plan.from} to ${plan.to} any more`);
      events.push(...batch.events);
      batches.push({ source, batch });
      ({ telemetrySeq, runsSeq } = batch);
    }
    this.#built = [];
    if (!(await this.#lookAt(await this.#poster.send(events), batches[0]?.batch.started ?? false))) return;
    telemetrySeq = Math.max(telemetrySeq, state.telemetrySeq);
    for (const item of state.artifacts.filter(({ path }) => done.has(path)))
      if (done.get(item.path)) state.failed.push(item);
      else forgetFile(this.options.folder, item);
    state.artifacts = state.artifacts.filter((item) => !done.has(item.path));
    for (const plan of state.plans) if ('say' in plan && plan.file) state.artifacts.push(plan.file);
    for (const { source, batch } of batches) {
      state[source] = batch.end;
      this.#setAside(batch.setAside);
      if (source === 'system') continue; // nothing that the training has logged
      state.records += batch.records;
      state.artifacts.push(...batch.artifacts);
      finished ||= batch.finished;
      state.lastStep = Math.max(state.lastStep, batch.lastStep ?? 0);
    }
    state.finished ||= finished;
    Object.assign(state, { telemetrySeq, runsSeq, plans: [] });
    this.#journal.save();
    writeSync(this.#progressFd, String(state.records).padStart(16), 0);
    for (const [source, reader] of this.#sources(this.#sampling.reader)) {
      const segment = Math.floor(state[source] / positionsPerSegment);
      if (segment > (this.#forgotten.get(source) ?? -1)) reader.forgetBefore(state[source]);
      this.#forgotten.set(source, segment);
    }
    this.#sentAt = Date.now();
  }

  /** False: the start of the run was refused for a reason that a person may lift; it is said again later, under a name of its own. */
  async #lookAt(results: readonly EventResult[], started: boolean): Promise<boolean> {
    for (const [index, result] of results.entries()) {
      if (result.status === 'accepted') continue;
      const text = `event ${result.id} refused: ${result.code ?? ''} ${result.message ?? ''}`;
      process.stderr.write(`${text}\n`);
      if (started && index === 0) {
        await this.#refused(text);
        return false;
      }
      this.#trouble(text);
    }
    if (!started) return true;
    const { state } = this.#journal;
    state.attempt = this.meta.attempt || (results[0]?.attempt ?? 0) || 1;
    state.beganAtMs = results[0]?.attemptStartedAtMs ?? 0;
    if (this.meta.countsOn) state.base ??= results[0]?.nextStep ?? null;
    state.base ??= this.meta.countsOn && state.attempt > 1 ? await this.#stepsBefore(state) : 0;
    this.#capture();
    return true;
  }

  #stepsBefore(state: JournalState): Promise<number> {
    state.beat ??= [Date.now(), state.telemetrySeq + 1];
    const [timeMs, seq] = state.beat;
    state.telemetrySeq = seq;
    this.#journal.save();
    const beat = encodeOne(this.meta, state.attempt, 'HeartbeatSent', timeMs, seq, Buffer.alloc(0));
    return stepsBefore(this.#client, this.#poster, this.meta.run, state.attempt, beat);
  }

  /** Nothing else of this writer is out: the whole spool begins anew as another writer, whose start nobody has refused yet. */
  async #refused(text: string): Promise<void> {
    const { state } = this.#journal;
    Object.assign(state, {
      tries: state.tries + 1,
      plans: [],
      position: 0,
      system: 0,
      telemetrySeq: 0,
      runsSeq: 0,
      records: 0,
    });
    this.#nameWriter(state.tries);
    this.#journal.save();
    this.#trouble(`${text}; everything is kept and tried again, or by: runstream-sync`);
    const waitUntil = Date.now() + this.#refusedMs;
    this.#refusedMs = Math.min(refusedMs.max, this.#refusedMs * 2);
    do {
      if (this.options.parentPid === 0 || this.#poster.givesUp()) throw new Stopped(text);
      await sleep(50);
    } while (Date.now() < waitUntil);
  }

  /** Records that can't be sent are kept beside the spools, and counted in the run. */
  #setAside(records: readonly SetAside[]): void {
    if (records.length === 0) return;
    const { state } = this.#journal;
    writeSetAside(this.options.folder, records);
    state.setAside += records.length;
    process.stderr.write(`${records.length} records can't be sent and are set aside, the first: ${records[0]!.why}\n`);
    const values = [{ key: 'runstream.set_aside_records', json: String(state.setAside) }];
    this.#inbox.push({ name: 'SummarySet', data: { values }, timeMs: records.at(-1)!.timeMs || Date.now() });
  }

  #trouble(text: string): void {
    writeFileSync(join(this.options.folder, 'trouble'), text);
  }

  #capture(): void {
    const { state } = this.#journal;
    if (!this.meta.environment || state.attempt === 0 || state.environment) return;
    this.#beside(async () => {
      const environment = await captureThoroughly(this.meta.environment!);
      const said = { name: 'EnvironmentCaptured', data: { environment }, timeMs: Date.now() };
      // later, or on another machine, the source may be another one
      const kept = this.meta.diff && this.options.parentPid !== 0;
      this.#inbox.push(kept ? { ...said, ...(await keepPatch(this.options.folder, environment)) } : said);
    });
  }

  #startUpload(): void {
    const item = this.#journal.state.artifacts[0];
    if (item && this.#pending === 0 && this.#inbox.length === 0) this.#beside(() => this.#upload(item));
  }

  async #upload(item: ArtifactItem): Promise<void> {
    const { timeMs, path } = item;
    const { folder } = this.options;
    try {
      const id = `${this.meta.writer}-${basename(path).slice(-40)}`.replace(/[^A-Za-z0-9._-]/g, '-');
      const fact = await upload(this.#client, folder, item, id);
      const { beganAtMs } = this.#journal.state;
      this.#inbox.push({ ...uploaded(this.meta, beganAtMs, item, fact), timeMs, artifact: path });
    } catch (error) {
      const text = `artifact ${item.name}: ${(error as Error).message || String(error)}`;
      this.#trouble(text);
      if (error instanceof Refused) {
        const data = { values: [{ key: 'runstream.artifact_failed', json: JSON.stringify(text.slice(0, 1_000)) }] };
        // bytes that lie in the spool are the only copy there is
        const failed = item.copied && existsSync(pathOf(folder, item));
        this.#inbox.push({ name: 'SummarySet', data, timeMs, artifact: path, failed });
      } else if (this.#poster.givesUp()) {
        throw error;
      } else await sleep(500 + 1_000 * Math.random());
    }
  }

  /** Work beside the loop; the end of the run waits for it. An error ends the sender, the spool is kept. */
  #beside(work: () => Promise<void>): void {
    this.#pending += 1;
    void work().finally(() => (this.#pending -= 1));
  }

  #forget(): void {
    const { folder } = this.options;
    keepSetAside(folder, `${this.meta.run}-${this.#firstWriter}`);
    if (this.failed.length > 0) return;
    rmSync(folder, { recursive: true, force: true });
    try {
      rmdirSync(dirname(folder));
    } catch {
      // other processes of the run are not done
    }
  }
}
