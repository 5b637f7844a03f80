import type { Event } from '#libs/domain/event.js';
import { handle, hasRows, type EventWithRows, type Handlers } from '#libs/domain/event-table.js';
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

  private readonly handlers: Handlers<EventWithRows> = {
    ArtifactLogged: ({ subject: run, timeMs, data }) => {
      const { name, digest, type, sizeBytes, mime, metadata, step, hasStep } = data;
      const row = { kind: 'logged', name, digest, type, size_bytes: sizeBytes, mime, metadata };
      this.artifact({ run, ...row, step: hasStep ? step : null, logged_at: timeMs });
    },
    ArtifactUsed: ({ subject: run, timeMs, data: { digest, name, fromRun } }) => {
      const row = { kind: 'used', name, digest, type: '', size_bytes: 0, mime: '' };
      const metadata = fromRun === '' ? {} : { fromRun };
      this.artifact({ run, ...row, metadata, step: null, logged_at: timeMs });
    },
    InputsLogged: ({ subject: run, timeMs, data }) => {
      for (const { name, digest, sourceType, source, schema, profile, tags } of data.datasets) {
        const key = JSON.stringify([run, name, digest]);
        const row = { run, name, digest, source_type: sourceType, source, schema, profile, tags, logged_at: timeMs };
        if (!this.datasets.has(key)) this.datasets.set(key, row);
      }
      for (const model of data.models) this.model({ run, kind: 'in', model, step: 0 });
    },
    OutputsLogged: ({ subject: run, data }) => {
      for (const { model, step } of data.models) this.model({ run, kind: 'out', model, step });
    },
    // a file of a run is one of its artifacts
    FileStored: ({ subject: run, timeMs, data: { artifact, digest, sizeBytes, mime } }) => {
      if (artifact === '') return;
      const row = { kind: 'logged', name: artifact, digest, type: 'file', size_bytes: sizeBytes, mime, metadata: {} };
      this.artifact({ run, ...row, step: null, logged_at: timeMs });
    },
    FileRemoved: ({ subject: run, data: { artifact } }) => {
      if (artifact === '') return;
      this.removed.push({ run, name: artifact });
      for (const [key, row] of this.artifacts)
        if (row['run'] === run && row['kind'] === 'logged' && row['name'] === artifact) this.artifacts.delete(key);
    },
  };

  add(event: Event): void {
    if (hasRows(event)) handle(this.handlers, event);
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
