import type { Event, EventOf, Param } from '#libs/domain/event.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import type { AttemptTold } from './attempt-rows.js';
import { changedVersion, firstVersion, saidAt } from './fact-versions.js';
import { nameHash } from './metric-names.js';
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
    const changed = changedVersion(offset);
    const put = (kind: FactKind, key: string, value: string, version = changed, present = 1): void => {
      this.#fact(event.subject, kind, key, value, present, version);
    };
    const params = (kind: FactKind, values: readonly Param[], version = changed): void => {
      for (const { key, json } of values) put(kind, key, json, version);
    };
    switch (event.name) {
      case 'RunStarted':
        return this.#started(event, offset);
      case 'RunResumed':
        if (event.data.hasFromStep) this.#attempt(event.subject, event.data.attempt, event.data.fromStep);
        return put('attribute', 'status', 'running', saidAt(event.timeMs, 0));
      case 'RunFinished':
        if (!event.data.wholeRun && event.writer && event.writer.rank !== 0) return;
        put('attribute', 'status', event.data.state, saidAt(event.timeMs, 1));
        return put('attribute', 'ended_at', String(event.timeMs), saidAt(event.timeMs, 1));
      case 'ParamsLogged':
        return params('param', event.data.params, event.data.immutable ? firstVersion(offset) : changed);
      case 'TagsSet':
        for (const [key, value] of Object.entries(event.data.tags)) put('tag', key, value);
        for (const key of event.data.removed) put('tag', key, '', changed, 0);
        for (const key of event.data.labels) put('label', key, '');
        for (const key of event.data.labelsRemoved) put('label', key, '', changed, 0);
        return;
      case 'NoteSet':
        return put('attribute', 'notes', event.data.text);
      case 'RunRenamed':
        return put('attribute', 'name', event.data.name);
      case 'SummarySet':
        return params('summary', event.data.values);
      case 'RunArchived':
        return put('attribute', 'archived', '1');
      case 'RunRestored':
        put('attribute', 'archived', '0');
        return this.#deletion(event.subject, 0, changed);
      case 'RunDeleted':
        return this.#deletion(event.subject, 1, changed);
      case 'RunForked':
        this.#name(event.subject, event.data.project, firstVersion(offset));
        return put('attribute', 'name', event.data.name, firstVersion(offset));
      case 'InputsLogged':
      case 'OutputsLogged':
      case 'LoggedModelCreated':
      case 'LoggedModelChanged':
      case 'LoggedModelMeasured':
      case 'LoggedModelDeleted':
      case 'TraceLogged':
      case 'TraceTagsSet':
      case 'TraceAssessed':
      case 'TraceLinked':
      case 'TraceDeleted':
      case 'SpansLogged':
        return this.nouns.add(event, offset);
      case 'EnvironmentCaptured':
      case 'ArtifactLogged':
      case 'ArtifactUsed':
      case 'ProjectCreated':
      case 'ProjectRenamed':
      case 'ProjectTagsSet':
      case 'ProjectDeleted':
      case 'ProjectRestored':
      case 'RegisteredModelCreated':
      case 'RegisteredModelRenamed':
      case 'RegisteredModelChanged':
      case 'RegisteredModelDeleted':
      case 'ModelVersionCreated':
      case 'ModelVersionChanged':
      case 'ModelVersionDeleted':
      case 'FileStored':
      case 'FileRemoved':
      case 'ApiKeyCreated':
      case 'ApiKeyRevoked':
      case 'PointsLogged':
      case 'LinesLogged':
      case 'HeartbeatSent':
        return; // not part of the directory
    }
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
