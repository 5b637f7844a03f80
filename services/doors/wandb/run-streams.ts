import { createHash } from 'node:crypto';
import type { EventName, Writer } from '#libs/domain/event.js';
import { topicOf } from '#libs/domain/event-table.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { inTrainingOrder } from '#libs/domain/run-fold-attempts.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import type { Said } from '../shared/command-log.js';
import { WaitingCells } from './waiting-cells.js';
import type { World } from './world.js';

/** What is said of an attempt to whoever writes in it. */
export interface AttemptTold {
  readonly attempt: number;
  readonly startedAtMs: number;
  /** The step from which it goes on; null: the client said none. */
  readonly fromStep: number | null;
}

/** What came from one client of one run, as far as this process has seen it: a writer of the log, which numbers all that it says. */
export class RunStream {
  readonly #seqs = { runs: 0, telemetry: 0, catalog: 0 };
  /** The last value of each key in the history, and what was set as summary by the side of it. */
  readonly lastValues = new Map<string, number>();
  readonly summarySet = new Map<string, string>();
  /** The newest body of each file that was acknowledged: it may come again. */
  readonly acknowledged = new Map<string, string>();
  readonly waiting = new WaitingCells();
  lastSaidAtMs = 0;
  /** The attempt that its client said will be taken away. */
  preempted = '';
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly subject: string,
    readonly writer: string,
    readonly rank: number,
    public told: AttemptTold,
    public checkedAtMs: number,
  ) {}

  get seqs(): Readonly<Record<'runs' | 'telemetry', number>> {
    return this.#seqs;
  }

  said<Name extends EventName>(name: Name, data: Said<Name>['data'], timeMs: number): Said<Name> {
    const seq = ++this.#seqs[topicOf(name)];
    const writer: Writer = { id: this.writer, attempt: this.told.attempt, rank: this.rank, seq };
    return { name, subject: this.subject, data, timeMs, writer };
  }

  /** One request after the other. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const streamsMax = 20_000;
/** Where other processes write to the same log: how long the attempt that a run is in is believed, and waited for. */
const believedMs = 2_000;
const lookMs = 3_000;

/** The streams that this process has seen; of others the run tables are asked. */
export class RunStreams {
  private readonly known = new Map<string, RunStream>();

  /** Throws NOT_FOUND only where the log holds no such run; what can't be known now is `Unavailable`. */
  async open(world: World, subject: string, client: string): Promise<RunStream> {
    const key = `${subject} ${client}`;
    const known = this.known.get(key);
    const now = world.backend.clock();
    if (known && (!world.log.shared || now - known.checkedAtMs < believedMs)) return known;
    if (known) {
      // it goes on with what it knew where nobody can say better in time
      const state = await Promise.race([stateOf(world, subject).catch(() => null), later(lookMs)]);
      known.checkedAtMs = world.backend.clock();
      if (state) known.told = newest(state.state);
      return known;
    }
    const run = await stateOf(world, subject);
    if (!run?.state.started)
      throw new Rejection('NOT_FOUND', `run ${subject} is not known here: UpsertBucket comes first`, 'run');
    return this.begin(world, run, client, newest(run.state), await rankOf(world, run.state, client));
  }

  /** A new writer: after an attempt began, or where what was acknowledged is not known. */
  begin(world: World, run: TrackedRun, client: string, told: AttemptTold, rank: number): RunStream {
    const writer = `wandb-${world.backend.newId().replaceAll('-', '').slice(0, 16)}`;
    const stream = new RunStream(run.state.id, writer, rank, told, world.backend.clock());
    for (const { key, value } of run.metrics) stream.lastValues.set(key, value);
    for (const [key, json] of Object.entries(run.state.summarySet)) stream.summarySet.set(key, json);
    if (this.known.size >= streamsMax) this.known.delete(this.known.keys().next().value!);
    this.known.set(`${run.state.id} ${client}`, stream);
    return stream;
  }

  /** Those of a run that this process has seen. */
  ofRun(subject: string): readonly RunStream[] {
    return [...this.known].filter(([key]) => key.startsWith(`${subject} `)).map(([, stream]) => stream);
  }

  /** After a failure nobody knows what of it is in the log: whoever comes next is another writer. */
  forget(stream: RunStream): void {
    for (const [key, each] of this.known) if (each === stream) this.known.delete(key);
  }
}

function newest(state: RunState): AttemptTold {
  const last = inTrainingOrder(state.attempts).at(-1);
  return { attempt: last?.number ?? 1, startedAtMs: last?.orderAt ?? 0, fromStep: last?.fromStep ?? null };
}

async function stateOf(world: World, subject: string): Promise<TrackedRun | null> {
  await world.log.subjectsSettled([subject]);
  const [run] = await world.backend.tracking.runs([subject]);
  if (run?.state.started) return run;
  await world.log.subjectSettledAsOfNow(subject);
  return (await world.backend.tracking.runs([subject]))[0] ?? null;
}

const later = (ms: number): Promise<null> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(null), ms).unref();
  });

const rankPrefix = '_wandb.rank.';
const ranksMax = 10_000;

/** In shared mode every client of a run is a rank of it, numbered as they come; the log decides between those that come at once. */
export async function rankOf(world: World, state: RunState, client: string): Promise<number> {
  if (client === '') return 0;
  const json = JSON.stringify(createHash('sha256').update(client).digest('hex').slice(0, 16));
  for (const [key, { value }] of Object.entries(state.params))
    if (key.startsWith(rankPrefix) && value === json) return Number(key.slice(rankPrefix.length));
  for (let rank = 0; rank < ranksMax; rank++) {
    const key = `${rankPrefix}${rank}`;
    if (Object.hasOwn(state.params, key)) continue;
    try {
      await world.log.decide({
        name: 'ParamsLogged',
        subject: state.id,
        data: { params: [{ key, json }], immutable: true },
      });
      return rank;
    } catch (error) {
      if (!(error instanceof Rejection && error.code === 'PARAM_CONFLICT')) throw error;
    }
  }
  throw new Unavailable(`run ${state.id} has ${ranksMax} clients already`);
}
