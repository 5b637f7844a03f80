import { encodeBlock, encodeEvent, encodeKeys, encodeMessage, encodePointsTail, type Message } from './wire.js';
import { counted, kinds, type SpoolReader, type SpoolRecord } from './spool.js';

/** Settings of a run as its process wrote them beside the spool. */
export interface Meta {
  readonly run: string;
  readonly project: string;
  readonly writer: string;
  readonly rank: number;
  readonly url: string;
  /** 0: the answer to RunStarted says it. */
  readonly attempt: number;
  readonly source: string;
  readonly environment: Message | null;
  /** Whether to keep what was changed since the commit. */
  readonly diff?: boolean;
  /** The run may be there already, and its steps are counted by itself. */
  readonly countsOn?: boolean;
  readonly fromStep?: number | null;
  readonly worldSize?: number;
  /** What the sender samples of the machine: how often, the working folder, and where all spools are. null: nothing. */
  readonly system?: { readonly intervalMs: number; readonly cwd: string; readonly root: string } | null | undefined;
}
export interface ArtifactItem {
  readonly name: string;
  readonly type: string;
  readonly path: string;
  readonly copied: boolean;
  /** As many bytes as it had when it was logged. */
  readonly sizeBytes?: number;
  readonly metadata: Record<string, string>;
  readonly step: number | null;
  readonly timeMs: number;
  /** It is what a value of ValuesLogged holds, not an artifact. */
  readonly value?: Message;
}
export interface Batch {
  readonly end: number;
  readonly events: readonly Buffer[];
  /** Last numbers used. */
  readonly telemetrySeq: number;
  readonly runsSeq: number;
  readonly records: number;
  readonly lastStep: number | null;
  readonly artifacts: readonly ArtifactItem[];
  readonly started: boolean;
  readonly finished: boolean;
  readonly bytes: number;
  /** Records that can't be encoded: what they are and why. Their neighbours go on. */
  readonly setAside: readonly SetAside[];
}
export interface SetAside {
  readonly kind: number;
  readonly timeMs: number;
  readonly why: string;
  readonly record: string;
}
export interface Range {
  readonly from: number;
  /** Infinity: as much as belongs in one batch. */
  readonly to: number;
  readonly telemetrySeq: number;
  readonly runsSeq: number;
  readonly attempt: number;
  /** Stop before the end of the run, because something is to be said before it. */
  readonly holdFinish: boolean;
  /** Added to steps that the run counted by itself. */
  readonly base: number;
  /** When the attempt began, as the answer to its start said. */
  readonly beganAtMs: number;
}

const rangeBytesMax = 448 * 1024;
const linesMax = 5_000;
export const telemetryNames = new Set(['PointsLogged', 'LinesLogged', 'ValuesLogged', 'HeartbeatSent']);

export function encodeOne(
  meta: Meta,
  attempt: number,
  name: string,
  timeMs: number,
  seq: number,
  data: Uint8Array,
): Buffer {
  const topic = telemetryNames.has(name) ? 'telemetry' : 'runs';
  const writer = { id: meta.writer, attempt, rank: meta.rank, seq };
  const id = `${meta.writer}-${topic}-${seq}`;
  return encodeEvent(
    { id, name, source: meta.source, subject: meta.run, timeMs, writer, reply: name === 'RunStarted' },
    data,
  );
}

/** What is said of values when they are sent. */
export const valuesData = (meta: Meta, beganAtMs: number, values: readonly Message[]): Message => ({
  values,
  attemptStartedAtMs: beganAtMs,
  rewindTo: meta.fromStep ?? 0,
  hasRewindTo: typeof meta.fromStep === 'number',
});

/** What is said of a file once it is there: that it is logged, or that it is what a value holds. */
export function uploaded(meta: Meta, beganAtMs: number, { value }: ArtifactItem, fact: Message) {
  if (!value) return { name: 'ArtifactLogged', data: fact };
  const { digest, sizeBytes } = fact;
  return { name: 'ValuesLogged', data: valuesData(meta, beganAtMs, [{ ...value, digest, sizeBytes }]) };
}

const timed: ReadonlySet<number> = new Set([kinds.row, kinds.line, kinds.value]);
const noArtifact = { type: '', metadata: {}, step: null, copied: true } as const;
interface KeptValue {
  readonly value: Message & { readonly key: string; readonly step: number };
  readonly path?: string;
  readonly sizeBytes?: number;
}
function readValue(record: SpoolRecord, text: string, base: number): KeptValue {
  const { value, ...file } = JSON.parse(text) as KeptValue;
  return { ...file, value: { ...value, step: value.step + (record.tag >= counted ? base : 0), timeMs: record.timeMs } };
}

/** Events of a range of the spool. They depend on the range alone: encoded again, they are the same to the byte. */
export function readBatch(meta: Meta, reader: SpoolReader, range: Range): Batch | null {
  let { telemetrySeq, runsSeq } = range;
  let [end, records, bytes, firstTime, started, finished] = [range.from, 0, 0, 0, false, false];
  let lastStep: number | null = null;
  let finish: { timeMs: number; data: Message } | null = null;
  const events: Buffer[] = [];
  const artifacts: ArtifactItem[] = [];
  const lines: Message[] = [];
  const values: Message[] = [];
  const setAside: SetAside[] = [];
  const points = new PointGroups(reader, range.base);
  const say = (name: string, timeMs: number, data: Message): void => {
    const message = encodeMessage(name, data);
    runsSeq += 1;
    events.push(encodeOne(meta, range.attempt, name, timeMs, runsSeq, message));
  };
  for (const record of reader.scan(range.from, range.to)) {
    try {
      if (record.kind === kinds.row) {
        bytes += record.body.length + points.add(record);
        lastStep = Math.max(lastStep ?? -Infinity, points.stepOf(record));
      } else {
        bytes += record.body.length + 64;
        const text = record.body.toString('utf8');
        if (record.kind === kinds.line) {
          lines.push({
            number: record.number,
            stream: record.tag === 0 ? 'stdout' : 'stderr',
            timeMs: record.timeMs,
            text,
          });
        } else if (record.kind === kinds.artifact) {
          artifacts.push({ ...(JSON.parse(text) as ArtifactItem), timeMs: record.timeMs });
        } else if (record.kind === kinds.value) {
          const { value, ...file } = readValue(record, text, range.base);
          lastStep = Math.max(lastStep ?? -Infinity, value.step);
          if (file.path !== undefined)
            artifacts.push({ ...noArtifact, ...file, path: file.path, name: value.key, timeMs: record.timeMs, value });
          else {
            encodeMessage('RichValue', value);
            values.push(value);
          }
        } else if (record.kind === kinds.dropped) {
          say('SummarySet', record.timeMs, {
            values: [{ key: 'runstream.dropped_records', json: String(record.number) }],
          });
        } else {
          const [name, data] = JSON.parse(text) as [string, Message];
          if (name === 'RunFinished') {
            if (range.holdFinish || artifacts.length > 0 || setAside.length > 0) break;
            encodeMessage(name, data);
            finish = { timeMs: record.timeMs, data };
          } else say(name, record.timeMs, data);
          started = name === 'RunStarted';
          finished = name === 'RunFinished';
        }
      }
    } catch (error) {
      const said = record.body.toString('utf8').slice(0, 200_000);
      setAside.push({ kind: record.kind, timeMs: record.timeMs, why: String(error).slice(0, 1_000), record: said });
    }
    if (firstTime === 0 && timed.has(record.kind)) firstTime = record.timeMs;
    end = record.end;
    records += 1;
    const enough = bytes >= rangeBytesMax || lines.length >= linesMax || events.length >= 500;
    if (started || finished || (range.to === Infinity && enough)) break;
  }
  if (records === 0) return null;
  const attempt = range.attempt;
  const blocks = points.encode();
  const data = blocks && Buffer.concat([blocks, encodePointsTail(range.beganAtMs, meta.fromStep ?? null)]);
  if (data) events.push(encodeOne(meta, attempt, 'PointsLogged', firstTime, ++telemetrySeq, data));
  if (lines.length > 0) {
    events.push(
      encodeOne(meta, attempt, 'LinesLogged', firstTime, ++telemetrySeq, encodeMessage('LinesLogged', { lines })),
    );
  }
  if (values.length > 0) {
    const said = encodeMessage('ValuesLogged', valuesData(meta, range.beganAtMs, values));
    events.push(encodeOne(meta, attempt, 'ValuesLogged', firstTime, ++telemetrySeq, said));
  }
  if (finish)
    say('RunFinished', finish.timeMs, { ...finish.data, lastTelemetrySeq: telemetrySeq, lastRunsSeq: runsSeq + 1 });
  return { end, events, telemetrySeq, runsSeq, records, lastStep, artifacts, started, finished, bytes, setAside };
}

/**
 * Rows by keyset. A row joins the block of its keyset unless a later block shares a key with it: of two values of a key at a step the last
 * one must stay the last.
 */
class PointGroups {
  readonly #groups: { keys: readonly string[]; names: ReadonlySet<string>; rows: SpoolRecord[] }[] = [];
  readonly #latest = new Map<number, number>();

  constructor(
    readonly reader: SpoolReader,
    readonly base: number,
  ) {}

  stepOf({ tag, number }: SpoolRecord): number {
    return tag >= counted ? number + this.base : number;
  }

  /** Bytes that the keys of a new block add. */
  add(record: SpoolRecord): number {
    const keyset = record.tag % counted;
    const at = this.#latest.get(record.tag);
    if (at !== undefined) {
      const group = this.#groups[at]!;
      if (this.#groups.slice(at + 1).every((other) => group.keys.every((key) => !other.names.has(key)))) {
        group.rows.push(record);
        return 0;
      }
    }
    const keys = this.reader.keys(keyset);
    this.#latest.set(record.tag, this.#groups.length);
    this.#groups.push({ keys, names: new Set(keys), rows: [record] });
    return keys.reduce((sum, key) => sum + key.length + 4, 0);
  }

  encode(): Buffer | null {
    if (this.#groups.length === 0) return null;
    return Buffer.concat(
      this.#groups.map(({ keys, rows }) => {
        const values = new Float64Array(keys.length * rows.length);
        rows.forEach(({ body }, i) => {
          // bodies lie at any address of their window: a view on doubles needs a copy
          const cells = new Float64Array(new Uint8Array(body).buffer);
          for (let k = 0; k < keys.length; k++) values[k * rows.length + i] = cells[k]!;
        });
        return encodeBlock(
          encodeKeys(keys),
          rows.map((row) => this.stepOf(row)),
          rows.map((row) => row.timeMs),
          values,
          false,
          rows[0]!.tag >= counted,
        );
      }),
    );
  }
}
