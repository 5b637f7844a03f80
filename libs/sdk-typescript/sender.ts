import { existsSync, openSync, readFileSync, rmSync, rmdirSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeOne, readBatch, type ArtifactItem, type Batch, type Meta } from './batches.js';
import { captureThoroughly } from './capture.js';
import { Journal, type Plan } from './journal.js';
import { KafkaTransport } from './kafka-transport.js';
import { lockSpool } from './sender-lock.js';
import { positionsPerSegment, SpoolReader } from './spool.js';
import { Refused, upload } from './uploads.js';
import { encodeMessage, type Message } from './wire.js';

const heartbeatMs = 5_000;
const requestBytesMax = 4 * 1024 * 1024;
const trickleMs = 40; // at most 25 requests a second while little is logged
const [backoffMinMs, backoffMaxMs] = [200, 30_000];

/** Can't go on: the reason is for a person; the spool is kept. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
interface Said {
  readonly name: string;
  readonly data: Message;
  readonly timeMs: number;
  readonly artifact?: string;
}
interface EventResult {
  readonly id: string;
  readonly status: string;
  readonly code?: string;
  readonly message?: string;
  readonly attempt?: number;
}
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
  readonly #reader: SpoolReader;
  readonly #journal: Journal;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #progressFd: number;
  #direct: KafkaTransport | null = null;
  #built: Batch[] = [];
  #inbox: Said[] = [];
  #pending = 0;
  #aloneSince: number | null = null;
  #heartbeatAt = 0;
  #sentAt = 0;
  #segment = -1;

  constructor(readonly options: SenderOptions) {
    this.meta = JSON.parse(readFileSync(join(options.folder, 'meta.json'), 'utf8')) as Meta;
    lockSpool(options.folder);
    this.#reader = new SpoolReader(options.folder);
    this.#journal = new Journal(options.folder);
    this.#url = (options.url ?? this.meta.url).replace(/\/$/, '');
    this.#headers = options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {};
    this.#progressFd = openSync(join(options.folder, 'progress'), 'w', 0o600);
  }

  get records(): number {
    return this.#journal.state.records;
  }

  /** Until the run is finished, or its process is gone, and nothing is left; then the folder goes. */
  async run(): Promise<void> {
    const { state } = this.#journal;
    let activeAt = 0;
    await this.#openDirect();
    this.#capture();
    for (;;) {
      const gone = this.#parentGone();
      if (state.plans.length === 0) this.#plan(gone);
      if (state.plans.length > 0) {
        await this.#deliver();
        activeAt = Date.now();
        continue;
      }
      this.#startUpload();
      const caughtUp = this.#reader.scan(state.position).next().done === true;
      if (caughtUp && !this.#waiting() && (state.finished || gone)) break;
      await sleep(Date.now() - activeAt < 500 ? 2 : 10);
    }
    await this.#direct?.close();
    this.#forget();
  }

  async #openDirect(): Promise<void> {
    if (!this.options.kafka) return;
    try {
      this.#direct = await KafkaTransport.open(this.options.kafka);
    } catch (error) {
      process.stderr.write(
        `RUNSTREAM_KAFKA is not used, telemetry goes through ${this.#url}: ${(error as Error).message}\n`,
      );
    }
  }

  #parentGone(): boolean {
    if (
      !existsSync(join(this.options.folder, 'closed')) &&
      this.options.parentPid !== 0 &&
      process.ppid === this.options.parentPid
    )
      return false;
    this.#aloneSince ??= Date.now();
    return true;
  }

  #waiting(): boolean {
    return this.#journal.state.artifacts.length > 0 || this.#pending > 0 || this.#inbox.length > 0;
  }

  #plan(gone: boolean): void {
    const { state } = this.#journal;
    const built: Batch[] = [];
    const plans: Plan[] = [];
    let { telemetrySeq, runsSeq, position } = state;
    const started = state.attempt > 0;
    for (let bytes = 0; bytes < requestBytesMax;) {
      const holdFinish = this.#waiting() || built.some((batch) => batch.artifacts.length > 0);
      const range = { from: position, to: Infinity, telemetrySeq, runsSeq, attempt: this.#attempt(), holdFinish };
      const batch = readBatch(this.meta, this.#reader, range);
      if (!batch) break;
      plans.push({ from: position, to: batch.end, telemetrySeq, runsSeq });
      built.push(batch);
      ({ telemetrySeq, runsSeq, end: position } = batch);
      bytes += batch.bytes;
      if (batch.started || batch.finished) break;
    }
    const small = built.reduce((sum, batch) => sum + batch.bytes, 0) < 65_536;
    if (built.length > 0 && small && started && !gone && Date.now() - this.#sentAt < trickleMs) return;
    if (started && !built.at(-1)?.finished) {
      for (const said of this.#inbox.splice(0)) {
        plans.push({ say: said.name, data: said.data, timeMs: said.timeMs, seq: ++runsSeq, artifact: said.artifact });
      }
    }
    if (plans.length === 0 && started && !gone && !state.finished && Date.now() - this.#heartbeatAt >= heartbeatMs) {
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

  async #deliver(): Promise<void> {
    const { state } = this.#journal;
    const events: Buffer[] = [];
    const batches: Batch[] = [];
    const uploaded = new Set<string>();
    let { telemetrySeq, runsSeq } = state;
    for (const plan of state.plans) {
      if ('say' in plan) {
        events.push(
          encodeOne(this.meta, this.#attempt(), plan.say, plan.timeMs, plan.seq, encodeMessage(plan.say, plan.data)),
        );
        if (plan.say === 'HeartbeatSent') telemetrySeq = plan.seq;
        else runsSeq = plan.seq;
        if (plan.artifact !== undefined) uploaded.add(plan.artifact);
        if (plan.say === 'EnvironmentCaptured') state.environment = true;
        continue;
      }
      // after a crash nothing is built: the same range gives the same bytes
      const batch =
        this.#built.shift() ??
        readBatch(this.meta, this.#reader, { ...plan, attempt: this.#attempt(), holdFinish: false });
      if (!batch) throw new Stopped(`the spool does not hold ${plan.from} to ${plan.to} any more`);
      events.push(...batch.events);
      batches.push(batch);
      ({ telemetrySeq, runsSeq } = batch);
    }
    this.#lookAt(await this.#send(events), batches[0]?.started ?? false);
    for (const item of state.artifacts)
      if (uploaded.has(item.path) && item.copied && existsSync(item.path)) unlinkSync(item.path);
    state.artifacts = state.artifacts.filter((item) => !uploaded.has(item.path));
    for (const batch of batches) {
      state.position = batch.end;
      state.records += batch.records;
      state.artifacts.push(...batch.artifacts);
      state.finished ||= batch.finished;
      state.lastStep = Math.max(state.lastStep, batch.lastStep ?? 0);
    }
    Object.assign(state, { telemetrySeq, runsSeq, plans: [] });
    this.#journal.save();
    writeSync(this.#progressFd, String(state.records).padStart(16), 0);
    if (Math.floor(state.position / positionsPerSegment) > this.#segment) {
      this.#segment = Math.floor(state.position / positionsPerSegment);
      this.#reader.forgetBefore(state.position);
    }
    this.#sentAt = this.#heartbeatAt = Date.now();
  }

  async #send(events: readonly Buffer[]): Promise<readonly EventResult[]> {
    const direct = this.#direct;
    if (!direct) return this.#post(events);
    const straight = events.map((event) => direct.isTelemetry(event));
    // the door first: what starts a run is known before its telemetry comes
    const rest = events.filter((_, i) => !straight[i]);
    const answered = rest.length > 0 ? [...(await this.#post(rest))] : [];
    const telemetry = events.filter((_, i) => straight[i]);
    const stored = telemetry.length > 0 ? [...(await this.#patiently('Kafka', () => direct.send(telemetry)))] : [];
    return straight.map((isStraight) => (isStraight ? stored : answered).shift()!);
  }

  async #patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        await this.#failed(failures, `${what}: ${(error as Error).message}`, 0);
      }
    }
  }

  async #post(events: readonly Buffer[]): Promise<readonly EventResult[]> {
    for (let failures = 1; ; failures++) {
      let pauseMs = 0;
      let trouble: string;
      try {
        const headers = { ...this.#headers, 'content-type': 'application/x-protobuf', accept: 'application/json' };
        const body = Buffer.concat(events);
        const response = await fetch(`${this.#url}/v1/events`, {
          method: 'POST',
          headers,
          body,
          signal: AbortSignal.timeout(60_000),
        });
        if (response.status === 200) {
          const { results } = (await response.json()) as { results: EventResult[] };
          if (results.length === events.length) return results;
        }
        trouble = `${this.#url} answered ${response.status} ${(await response.text().catch(() => '')).slice(0, 300)}`;
        if (response.status === 413 && events.length > 1) {
          const half = events.length >> 1;
          return [...(await this.#post(events.slice(0, half))), ...(await this.#post(events.slice(half)))];
        }
        if (response.status === 400 || response.status === 413) throw new Stopped(trouble);
        pauseMs = Math.min(60, Number(response.headers.get('retry-after') ?? 0) || 0) * 1_000;
      } catch (error) {
        if (error instanceof Stopped) throw error;
        const { message, cause } = error as Error;
        trouble = `${this.#url}: ${message}${cause instanceof Error ? `: ${cause.message}` : ''}`;
      }
      await this.#failed(failures, trouble, pauseMs);
    }
  }

  /** Waits before the next try, longer each time; gives up when the training process is gone for long. */
  async #failed(failures: number, trouble: string, pauseMs: number): Promise<void> {
    if (failures > 1) this.#trouble(trouble);
    this.#parentGone();
    if (this.#aloneSince !== null && Date.now() - this.#aloneSince > this.options.patienceMs)
      throw new Stopped(trouble);
    const backoffMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures - 1, 10));
    await sleep(Math.max(pauseMs, backoffMs * (0.5 + Math.random() / 2)));
  }

  #lookAt(results: readonly EventResult[], started: boolean): void {
    for (const result of results.filter((item) => item.status !== 'accepted')) {
      const text = `event ${result.id} refused: ${result.code ?? ''} ${result.message ?? ''}`;
      this.#trouble(text);
      process.stderr.write(`${text}\n`);
      if (started && result.id.endsWith('-runs-1')) throw new Stopped(text);
    }
    if (!started) return;
    this.#journal.state.attempt = this.meta.attempt || (results.at(-1)?.attempt ?? 0) || 1;
    this.#capture();
  }

  #trouble(text: string): void {
    writeFileSync(join(this.options.folder, 'trouble'), text);
  }

  #capture(): void {
    const { state } = this.#journal;
    if (!this.meta.environment || state.attempt === 0 || state.environment) return;
    this.#beside(async () => {
      const environment = await captureThoroughly(this.meta.environment!);
      this.#inbox.push({ name: 'EnvironmentCaptured', data: { environment }, timeMs: Date.now() });
    });
  }

  #startUpload(): void {
    const item = this.#journal.state.artifacts[0];
    if (item && this.#pending === 0 && this.#inbox.length === 0) this.#beside(() => this.#upload(item));
  }

  async #upload(item: ArtifactItem): Promise<void> {
    const { timeMs, path, step } = item;
    try {
      const id = `${this.meta.writer}-${basename(path).slice(-40)}`.replace(/[^A-Za-z0-9._-]/g, '-');
      const stored = await upload(this.#url, this.#headers, path, id);
      const data = {
        name: item.name,
        type: item.type,
        metadata: item.metadata,
        step: step ?? 0,
        hasStep: step !== null,
        ...stored,
      };
      this.#inbox.push({ name: 'ArtifactLogged', data, timeMs, artifact: path });
    } catch (error) {
      const text = `artifact ${item.name}: ${(error as Error).message}`;
      this.#trouble(text);
      if (error instanceof Refused || (error as NodeJS.ErrnoException).code === 'ENOENT') {
        const data = { values: [{ key: 'runstream.artifact_failed', json: JSON.stringify(text.slice(0, 1_000)) }] };
        this.#inbox.push({ name: 'SummarySet', data, timeMs, artifact: path });
      } else if (this.#aloneSince !== null && Date.now() - this.#aloneSince > this.options.patienceMs) {
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
    rmSync(this.options.folder, { recursive: true, force: true });
    try {
      rmdirSync(dirname(this.options.folder));
    } catch {
      // other processes of the run are not done
    }
  }
}
