import type { Event, EventOf, Param } from '#libs/domain/event.js';
import { handle, isInDirectory, isNounOfSql, type EventInDirectory, type Handlers } from '#libs/domain/event-table.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import type { AttemptTold } from './attempt-rows.js';
import { nameHash } from '../metric-names.js';
import { changedVersion, firstVersion, saidAt } from './fact-versions.js';
import { NounFacts } from './noun-facts.js';

type FactKind = 'attribute' | 'param' | 'tag' | 'label' | 'summary';

/** Facts about runs for SQL, a row each, from the topic `runs`. Who wins is decided by version alone, so rows may come in any order. */
export class RunFacts {
  readonly #names = {
    run: [] as bigint[],
    id: [] as string[],
    project: [] as string[],
    version: [] as bigint[],
  };
  readonly #deletions: { run: bigint; deleted: number; version: bigint }[] = [];
  readonly #facts = {
    run: [] as bigint[],
    kind: [] as string[],
    key: [] as string[],
    value: [] as string[],
    present: [] as number[],
    version: [] as bigint[],
  };
  readonly #attempts: AttemptTold[] = [];
  /** Of what runs read and made, and of traces. */
  readonly nouns = new NounFacts();

  get attempts(): readonly AttemptTold[] {
    return this.#attempts;
  }

  /** A run known only by its telemetry: named, without a project until its start is read. */
  seen(id: string): void {
    this.#name(id, '', 0n);
  }

  add(event: Event, offset: number): void {
    if (isInDirectory(event)) handle(this.#handlers(event.subject, offset), event);
    else if (isNounOfSql(event)) this.nouns.add(event, offset);
  }

  #handlers(subject: string, offset: number): Handlers<EventInDirectory> {
    const changed = changedVersion(offset);
    const put = (kind: FactKind, key: string, value: string, version = changed, present = 1): void => {
      this.#fact(subject, kind, key, value, present, version);
    };
    const params = (kind: FactKind, values: readonly Param[], version = changed): void => {
      for (const { key, json } of values) put(kind, key, json, version);
    };
    return {
      RunStarted: (event) => this.#started(event, offset),
      RunResumed: ({ data, timeMs }) => {
        if (data.hasFromStep) this.#attempt(subject, data.attempt, data.fromStep);
        put('attribute', 'status', 'running', saidAt(timeMs, 0));
      },
      RunFinished: ({ data, timeMs, writer }) => {
        if (!data.wholeRun && writer && writer.rank !== 0) return;
        put('attribute', 'status', data.state, saidAt(timeMs, 1));
        put('attribute', 'ended_at', String(timeMs), saidAt(timeMs, 1));
      },
      ParamsLogged: ({ data }) => params('param', data.params, data.immutable ? firstVersion(offset) : changed),
      TagsSet: ({ data }) => {
        for (const [key, value] of Object.entries(data.tags)) put('tag', key, value);
        for (const key of data.removed) put('tag', key, '', changed, 0);
        for (const key of data.labels) put('label', key, '');
        for (const key of data.labelsRemoved) put('label', key, '', changed, 0);
      },
      NoteSet: ({ data }) => put('attribute', 'notes', data.text),
      RunRenamed: ({ data }) => put('attribute', 'name', data.name),
      RunMoved: ({ data }) => {
        this.#name(subject, data.project, changed);
        put('attribute', 'group', data.group);
      },
      SummarySet: ({ data }) => params('summary', data.values),
      RunArchived: () => put('attribute', 'archived', '1'),
      RunRestored: () => {
        put('attribute', 'archived', '0');
        this.#deletion(subject, 0, changed);
      },
      RunDeleted: () => this.#deletion(subject, 1, changed),
      RunForked: ({ data }) => {
        this.#name(subject, data.project, firstVersion(offset));
        put('attribute', 'name', data.name, firstVersion(offset));
      },
    };
  }

  #started(event: EventOf<'RunStarted'>, offset: number): void {
    const { data, subject } = event;
    const version = firstVersion(offset);
    this.#name(subject, data.project, version);
    const attributes: Readonly<Record<string, string>> = {
      name: data.name,
      group: data.group,
      job_type: data.jobType,
      user: data.user,
      notes: data.notes,
      world_size: data.worldSize ? String(data.worldSize) : '',
    };
    for (const [key, value] of Object.entries(attributes))
      if (value) this.#fact(subject, 'attribute', key, value, 1, version);
    this.#fact(subject, 'attribute', 'started_at', String(event.timeMs), 1, version);
    this.#fact(subject, 'attribute', 'status', 'running', 1, saidAt(event.timeMs, 0));
    for (const [key, value] of Object.entries(data.tags)) this.#fact(subject, 'tag', key, value, 1, version);
    for (const label of data.labels) this.#fact(subject, 'label', label, '', 1, version);
    for (const { key, json } of data.params) this.#fact(subject, 'param', key, json, 1, version);
    const attempt = event.writer?.attempt ?? 0;
    if (data.hasFromStep && attempt > 0) this.#attempt(subject, attempt, data.fromStep);
  }

  #attempt(id: string, attempt: number, fromStep: number): void {
    this.#attempts.push({ run: nameHash(id), attempt, startedAt: 0, fromStep });
  }

  #deletion(id: string, deleted: number, version: bigint): void {
    this.#deletions.push({ run: nameHash(id), deleted, version });
  }

  #name(id: string, project: string, version: bigint): void {
    this.#names.run.push(nameHash(id));
    this.#names.id.push(id);
    this.#names.project.push(project);
    this.#names.version.push(version);
  }

  #fact(id: string, kind: FactKind, key: string, value: string, present: number, version: bigint): void {
    this.#facts.run.push(nameHash(id));
    this.#facts.kind.push(kind);
    this.#facts.key.push(key);
    this.#facts.value.push(value);
    this.#facts.present.push(present);
    this.#facts.version.push(version);
  }

  get nameRows(): number {
    return this.#names.run.length;
  }
  get deletionRows(): number {
    return this.#deletions.length;
  }
  get factRows(): number {
    return this.#facts.run.length;
  }

  nameColumns(): BlockColumn[] {
    const { run, id, project, version } = this.#names;
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(run) },
      { name: 'id', type: 'String', data: id },
      { name: 'project', type: 'String', data: project },
      { name: 'version', type: 'UInt64', data: BigUint64Array.from(version) },
    ];
  }

  deletionColumns(): BlockColumn[] {
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(this.#deletions, ({ run }) => run) },
      { name: 'deleted', type: 'UInt8', data: Uint8Array.from(this.#deletions, ({ deleted }) => deleted) },
      { name: 'version', type: 'UInt64', data: BigUint64Array.from(this.#deletions, ({ version }) => version) },
    ];
  }

  factColumns(): BlockColumn[] {
    const { run, kind, key, value, present, version } = this.#facts;
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(run) },
      { name: 'kind', type: 'String', data: kind },
      { name: 'key', type: 'String', data: key },
      { name: 'value', type: 'String', data: value },
      { name: 'present', type: 'UInt8', data: Uint8Array.from(present) },
      { name: 'version', type: 'UInt64', data: BigUint64Array.from(version) },
    ];
  }
}
