import type { EventOf } from '#libs/domain/event.js';
import type { RunEvent } from '#libs/domain/run-fold.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import { artifactsTable, datasetsTable, runModelsTable } from './run-tables.js';

type Row = Readonly<Record<string, unknown>>;

/** What the accepted events of one batch say about runs beside their state: artifacts, data sets, models read and made. */
export class RunFactRows {
  private readonly artifacts = new Map<string, Row>();
  private readonly removed: { readonly run: string; readonly name: string }[] = [];
  private readonly datasets = new Map<string, Row>();
  private readonly models = new Map<string, Row>();

  add(event: RunEvent): void {
    const { subject: run, timeMs } = event;
    switch (event.name) {
      case 'ArtifactLogged': {
        const { name, digest, type, sizeBytes, mime, metadata, step, hasStep } = event.data;
        const row = { kind: 'logged', name, digest, type, size_bytes: sizeBytes, mime, metadata };
        return this.artifact({ run, ...row, step: hasStep ? step : null, logged_at: timeMs });
      }
      case 'ArtifactUsed': {
        const { digest, name, fromRun } = event.data;
        const row = { kind: 'used', name, digest, type: '', size_bytes: 0, mime: '' };
        const metadata = fromRun === '' ? {} : { fromRun };
        return this.artifact({ run, ...row, metadata, step: null, logged_at: timeMs });
      }
      case 'InputsLogged':
        for (const { name, digest, sourceType, source, schema, profile, tags } of event.data.datasets) {
          const key = JSON.stringify([run, name, digest]);
          const row = { run, name, digest, source_type: sourceType, source, schema, profile, tags, logged_at: timeMs };
          if (!this.datasets.has(key)) this.datasets.set(key, row);
        }
        for (const model of event.data.models) this.model({ run, kind: 'in', model, step: 0 });
        return;
      case 'OutputsLogged':
        for (const { model, step } of event.data.models) this.model({ run, kind: 'out', model, step });
        return;
      case 'RunStarted':
      case 'RunResumed':
      case 'RunFinished':
      case 'ParamsLogged':
      case 'TagsSet':
      case 'NoteSet':
      case 'RunRenamed':
      case 'SummarySet':
      case 'EnvironmentCaptured':
      case 'RunArchived':
      case 'RunRestored':
      case 'RunDeleted':
      case 'RunForked':
        return;
    }
  }

  /** A file of a run is one of its artifacts. */
  addFile({ name, subject: run, data, timeMs }: EventOf<'FileStored' | 'FileRemoved'>): void {
    if (data.artifact === '') return;
    if (name === 'FileStored') {
      const { artifact, digest, sizeBytes, mime } = data;
      const row = { kind: 'logged', name: artifact, digest, type: 'file', size_bytes: sizeBytes, mime, metadata: {} };
      return this.artifact({ run, ...row, step: null, logged_at: timeMs });
    }
    this.removed.push({ run, name: data.artifact });
    for (const [key, row] of this.artifacts)
      if (row['run'] === run && row['kind'] === 'logged' && row['name'] === data.artifact) this.artifacts.delete(key);
  }

  async write(session: SqlSession, schema: string): Promise<void> {
    if (this.removed.length > 0)
      await session.query(
        `delete from ${schema}.artifacts t using json_to_recordset($1::json) as r(run text, name text)
         where t.run = r.run and t.name = r.name and t.kind = 'logged'`,
        [JSON.stringify(this.removed)],
      );
    await writeRows(session, schema, artifactsTable, [...this.artifacts.values()]);
    // what was said first stands, as in the tracker whose words these are
    await writeRows(session, schema, datasetsTable, [...this.datasets.values()], 'do nothing');
    await writeRows(session, schema, runModelsTable, [...this.models.values()], 'do nothing');
  }

  private artifact(row: Row & { run: string; kind: string; digest: string; name: string }): void {
    this.artifacts.set(`${row.run} ${row.kind} ${row.digest} ${row.name}`, row);
  }
  private model(row: { run: string; kind: string; model: string; step: number }): void {
    const key = `${row.run} ${row.kind} ${row.model}`;
    if (!this.models.has(key)) this.models.set(key, row);
  }
}
