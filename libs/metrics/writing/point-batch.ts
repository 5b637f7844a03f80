import type { EventOf, PointBlock } from '#libs/domain/event.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { AttemptRows } from './attempt-rows.js';
import { clockKey, systemClockKey } from '../metric-names.js';
import { positionsMax, versionOf, type VersionBase } from './event-version.js';
import type { PointGroup, PointSegment } from './point-segment.js';
import { reachKey, type RunState, type SeriesRegistry, type SeriesState } from './series-registry.js';

/** A group with the series it belongs to. */
export interface BatchGroup extends PointGroup {
  readonly state: SeriesState;
  readonly runState: RunState;
}

/** A segment that may write a step again: the table has to be asked. */
export interface Suspect {
  readonly group: BatchGroup;
  readonly segment: PointSegment;
}

const firstAttempt = 1;

/** Collects the points of a batch of events by (run, series, attempt). */
export class PointBatch {
  readonly groups: BatchGroup[] = [];
  readonly suspects: Suspect[] = [];
  /** Segments whose steps another attempt may have written as well. */
  readonly contested: Suspect[] = [];
  readonly attempts = new AttemptRows();
  readonly #byRun = new Map<RunState, Map<number, Map<string, BatchGroup>>>();

  constructor(readonly registry: SeriesRegistry) {}

  add(event: EventOf<'PointsLogged'>): void {
    const attempt = event.writer?.attempt ?? firstAttempt;
    const { attemptStartedAtMs: startedAt = 0, hasRewindTo, rewindTo = 0 } = event.data;
    const run = this.registry.run(event.subject);
    run.attempts.set(attempt, Math.max(startedAt, run.attempts.get(attempt) ?? 0));
    this.attempts.add({ run: run.hash, attempt, startedAt, fromStep: hasRewindTo ? rewindTo : null });
    const record = new RecordContext(event, this.#groupsOf(event.subject, attempt));
    for (const block of event.data.blocks) this.#addBlock(record, block);
  }

  #groupsOf(runId: string, attempt: number): GroupLookup {
    const run = this.registry.run(runId);
    let attempts = this.#byRun.get(run);
    if (!attempts) this.#byRun.set(run, (attempts = new Map<number, Map<string, BatchGroup>>()));
    let keys = attempts.get(attempt);
    if (!keys) attempts.set(attempt, (keys = new Map<string, BatchGroup>()));
    return (key) => {
      let group = keys.get(key);
      if (!group) {
        const state = this.registry.series(run, key);
        group = { run: run.hash, series: state.hash, attempt, segments: [], state, runState: run };
        keys.set(key, group);
        this.groups.push(group);
      }
      return group;
    };
  }

  #addBlock(record: RecordContext, block: PointBlock): void {
    const { steps, keys } = block;
    if (steps.length === 0 || keys.length === 0) return;
    const { minStep, maxStep, ascending } = shapeOf(steps);
    const position = record.takePositions(steps.length);
    const { rank, version } = record;
    const { values, everyValue } = block;
    const attempt = record.event.writer?.attempt ?? firstAttempt;
    const ord = block.counted && attempt > firstAttempt ? attempt : 0;
    // of the steps' clock and of the system metrics' clock
    const own: (Float64Array | null | undefined)[] = [undefined, undefined];
    for (let index = 0; index < keys.length; index++) {
      const group = record.group(keys[index]!);
      const kind = group.state.system ? 1 : 0;
      if (own[kind] === undefined)
        own[kind] = this.#tellTime(record, block, kind === 1 ? systemClockKey : clockKey, position);
      // written out: there is one for every key of every record, and a spread costs ten times as much
      this.#push(group, {
        rank,
        steps,
        values,
        offset: index * steps.length,
        minStep,
        maxStep,
        ascending,
        times: own[kind]!,
        version,
        position,
        ord,
        everyValue,
        clock: false,
      });
    }
  }

  /** Writes a record's times to a clock; gives the times that its points must carry themselves, null where the clock has them all. */
  #tellTime(record: RecordContext, block: PointBlock, clock: string, position: number): Float64Array | null {
    const { own, rows } = record.tellTime(clock, block);
    if (rows) {
      const { minStep, maxStep, ascending } = shapeOf(rows.steps);
      this.#push(record.group(clock), {
        rank: record.rank,
        steps: rows.steps,
        values: rows.values,
        offset: 0,
        minStep,
        maxStep,
        ascending,
        times: null,
        version: record.version,
        position,
        ord: 0,
        everyValue: false,
        clock: true,
      });
    }
    return own;
  }

  #push(group: BatchGroup, segment: PointSegment): void {
    group.segments.push(segment);
    const { reach, rewritten, clock, system } = group.state;
    const at = reachKey(group.attempt, segment.rank);
    const reached = reach.get(at);
    const last = reached?.last ?? -Infinity;
    const { minStep, maxStep } = segment;
    if (!clock && !rewritten && (segment.everyValue || !segment.ascending || minStep <= last)) {
      this.suspects.push({ group, segment });
    }
    // what counts by itself in each attempt, or keeps every value, takes nobody's place
    const { attempts } = group.runState;
    if (attempts.size > 1 && !clock && !system && segment.ord === 0 && !segment.everyValue) {
      for (const other of attempts.keys()) {
        const span = other === group.attempt ? undefined : reach.get(reachKey(other, segment.rank));
        if (!span || span.first > maxStep || span.last < minStep) continue;
        this.contested.push({ group, segment });
        break;
      }
    }
    if (!reached) reach.set(at, { first: minStep, last: maxStep });
    else if (minStep < reached.first || maxStep > last)
      reach.set(at, { first: Math.min(minStep, reached.first), last: Math.max(maxStep, last) });
  }
}

type GroupLookup = (key: string) => BatchGroup;

function shapeOf(steps: Float64Array): { minStep: number; maxStep: number; ascending: boolean } {
  let ascending = true;
  let minStep = steps[0]!;
  let maxStep = steps[0]!;
  for (let i = 1; i < steps.length; i++) {
    const step = steps[i]!;
    if (step <= steps[i - 1]!) ascending = false;
    if (step < minStep) minStep = step;
    if (step > maxStep) maxStep = step;
  }
  return { minStep, maxStep, ascending };
}

interface ClockRows {
  readonly steps: Float64Array;
  /** Times. */
  readonly values: Float64Array;
}

/** One event: its writer's version, how many positions are used, and what its clocks say. */
class RecordContext {
  readonly rank: number;
  readonly version: VersionBase;
  #positions = 0;
  readonly #told = new Map<string, Map<number, number>>();

  constructor(
    readonly event: EventOf<'PointsLogged'>,
    readonly group: GroupLookup,
  ) {
    this.rank = event.writer?.rank ?? 0;
    this.version = versionOf(event);
    const steps = event.data.blocks.reduce((sum, block) => sum + block.steps.length, 0);
    if (steps > positionsMax)
      throw new Unreadable(`PointsLogged: ${steps} steps in one event, more than ${positionsMax}`);
  }

  takePositions(count: number): number {
    const position = this.#positions;
    this.#positions += count;
    return position;
  }

  /**
   * The first time an event gives for a step is its clock's; points of the event with another time carry their own. Points
   * without a writer, and series that keep every value, always carry their own.
   */
  tellTime(clock: string, block: PointBlock): { own: Float64Array | null; rows: ClockRows | null } {
    const { steps } = block;
    const times = block.times ?? new Float64Array(steps.length).fill(this.event.timeMs);
    const rows: ClockRows = { steps, values: times };
    if (!this.event.writer || block.everyValue) return { own: ownTimes(times), rows };
    const told = this.#told.get(clock);
    if (!told && this.event.data.blocks.length === 1 && strictlyAscending(steps)) return { own: null, rows };
    return this.#tellAgain(clock, told, steps, times);
  }

  #tellAgain(
    clock: string,
    before: Map<number, number> | undefined,
    steps: Float64Array,
    times: Float64Array,
  ): { own: Float64Array | null; rows: ClockRows | null } {
    const told = before ?? new Map<number, number>();
    this.#told.set(clock, told);
    let own: Float64Array | null = null;
    const newSteps: number[] = [];
    const newTimes: number[] = [];
    for (let i = 0; i < steps.length; i++) {
      const known = told.get(steps[i]!);
      if (known === undefined) {
        told.set(steps[i]!, times[i]!);
        newSteps.push(steps[i]!);
        newTimes.push(times[i]!);
      } else if (known !== times[i]!) {
        own ??= new Float64Array(steps.length);
        own[i] = times[i]! || 1; // 0 says "the clock has it"
      }
    }
    if (newSteps.length === 0) return { own, rows: null };
    const rows: ClockRows = { steps: Float64Array.from(newSteps), values: Float64Array.from(newTimes) };
    return { own, rows };
  }
}

const ownTimes = (times: Float64Array): Float64Array => times.map((time) => time || 1);

function strictlyAscending(steps: Float64Array): boolean {
  for (let i = 1; i < steps.length; i++) if (steps[i]! <= steps[i - 1]!) return false;
  return true;
}
