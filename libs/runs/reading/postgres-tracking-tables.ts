import { storableText } from '#libs/postgres/storable-text.js';
import type { Kysely } from 'kysely';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Dataset, ModelMetric } from '#libs/domain/event.js';
import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import type { RunState } from '#libs/domain/run-fold.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { createQueries } from '#libs/postgres/sql-queries.js';
import { projectColumns } from '../tables/projects.js';
import { searchDatasets } from '../search/search-datasets.js';
import { countTraces, searchTraces } from '../search/search-traces.js';
import { searchTracked } from '../search/search-tracked.js';
import type { Page } from '../run-table.js';
import type {
  DatasetRow,
  DatasetSearch,
  FileEntry,
  FileTable,
  LoggedModels,
  RunInputs,
  StoredFile,
  TraceTable,
  TrackedRun,
  TrackedSearch,
  TrackingTables,
} from '../tracking-tables.js';

export interface TrackingTablesOptions {
  readonly database: SqlDatabase;
  /** Which generation is live; asked at every read. */
  readonly generations: () => Promise<{ readonly live: number }>;
}

export function openPostgresTrackingTables(options: TrackingTablesOptions): TrackingTables {
  return new PostgresTrackingTables(options);
}

type Schema = () => Promise<string>;
class PostgresTrackingTables implements TrackingTables {
  readonly models: LoggedModels;
  readonly files: FileTable;
  readonly traces: TraceTable;
  private readonly database: SqlDatabase;
  private readonly queries: Kysely<unknown>;
  private readonly schema: Schema;

  constructor({ database, generations }: TrackingTablesOptions) {
    this.database = database;
    this.queries = createQueries(database);
    this.schema = async () => `runs_g${(await generations()).live}`;
    this.models = loggedModels(database, this.schema);
    this.files = fileTable(database, this.schema);
    this.traces = traceTable(database, this.queries, this.schema);
  }

  async projects(world: string): Promise<readonly ProjectState[]> {
    return this.database.query<ProjectState>(
      `select ${projectColumns} from ${await this.schema()}.projects where world = $1 order by number, name collate "C"`,
      [storableText(world)],
    );
  }

  async runs(ids: readonly string[]): Promise<readonly TrackedRun[]> {
    return this.load(await this.schema(), ids.map(storableText));
  }

  async search(query: TrackedSearch): Promise<readonly TrackedRun[]> {
    const schema = await this.schema();
    return this.load(schema, await searchTracked(this.queries, schema, query));
  }

  async inputs(runs: readonly string[]): Promise<ReadonlyMap<string, RunInputs>> {
    const schema = await this.schema();
    const rows = await this.database.query<LoadedInputs & { readonly id: string }>(
      `select s.id, ${inputColumns(schema)} from ${schema}.runs s where s.id = any($1::text[])`,
      [runs.map(storableText)],
    );
    return new Map(
      rows.filter(({ datasets, models }) => datasets ?? models).map((row) => [row.id, readInputs(row)] as const),
    );
  }

  async datasets(search: DatasetSearch): Promise<Page<DatasetRow>> {
    return searchDatasets(this.queries, await this.schema(), search);
  }

  private async load(schema: string, ids: readonly string[]): Promise<readonly TrackedRun[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.query<LoadedRun>(
      `select s.state,
         (select json_agg(json_build_array(key, last, last_step, last_time) order by key collate "C")
          from ${schema}.summaries where run = s.id) as metrics,
         ${inputColumns(schema)}
       from ${schema}.run_states s where s.id = any($1::text[])`,
      [ids],
    );
    const byId = new Map(rows.map((row) => [row.state.id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      return row?.state.started === true ? [readTracked(row)] : [];
    });
  }
}

const inputColumns = (schema: string): string => `
  (select json_agg(json_build_object('name', name, 'digest', digest, 'sourceType', source_type, 'source', source, 'schema', schema,
     'profile', profile, 'tags', tags) order by logged_at, name, digest) from ${schema}.datasets where run = s.id) as datasets,
  (select json_agg(json_build_object('kind', kind, 'model', model, 'step', step) order by model collate "C")
   from ${schema}.run_models where run = s.id) as models`;

interface LoadedInputs {
  readonly datasets: readonly Dataset[] | null;
  readonly models: readonly { kind: string; model: string; step: number }[] | null;
}
interface LoadedRun extends LoadedInputs {
  readonly state: RunState;
  /** Key, value, step, time; a value that JSON can't say is a text. */
  readonly metrics: readonly (readonly [string, number | string, number, number])[] | null;
}

function readTracked({ state, metrics, ...inputs }: LoadedRun): TrackedRun {
  return {
    state,
    metrics: (metrics ?? []).map(([key, value, step, timeMs]) => ({ key, value: Number(value), step, timeMs })),
    ...readInputs(inputs),
  };
}

function readInputs({ datasets, models }: LoadedInputs): RunInputs {
  return {
    datasets: datasets ?? [],
    modelsUsed: (models ?? []).filter(({ kind }) => kind === 'in').map(({ model }) => model),
    modelsMade: (models ?? []).filter(({ kind }) => kind === 'out').map(({ model, step }) => ({ model, step })),
  };
}

function loggedModels(database: SqlDatabase, schema: Schema): LoggedModels {
  const states = async (where: string, parameter: readonly string[]): Promise<readonly LoggedModelState[]> => {
    const rows = await database.query<{ state: LoggedModelState }>(
      `select state from ${await schema()}.logged_models where ${where} order by created_at desc, id collate "C"`,
      [parameter.map(storableText)],
    );
    return rows.map(({ state }) => state);
  };
  return {
    byId: (ids) => states('id = any($1::text[])', ids),
    ofProjects: async (projects) =>
      projects
        ? states('project = any($1::text[]) and not deleted', projects)
        : states(
            `cardinality($1::text[]) = 0 and not deleted
             and project not in (select name from ${await schema()}.projects p where p.deleted)`,
            [],
          ),
    ofRuns: (runs) => states('run = any($1::text[]) and not deleted', runs),
    async metrics(ids) {
      const rows = await database.query<ModelMetric & { readonly model: string }>(
        `select model, key, value, time_ms as "timeMs", step, dataset_name as "datasetName", dataset_digest as "datasetDigest", run
         from ${await schema()}.logged_model_metrics where model = any($1::text[])
         order by model, key collate "C", step, time_ms, value`,
        [ids.map(storableText)],
      );
      const found = new Map<string, ModelMetric[]>();
      for (const { model, ...metric } of rows) found.set(model, [...(found.get(model) ?? []), metric]);
      return found;
    },
  };
}

const fileColumns = 'path, digest, size_bytes as "sizeBytes", mime';

function fileTable(database: SqlDatabase, schema: Schema): FileTable {
  // everything that begins with "folder/" lies between it and "folder0", the next character
  const within = (folder: string): string =>
    folder === '' ? 'world = $1 and $2 = $2 and $3 = $3' : 'world = $1 and path >= $2 and path < $3';
  const bounds = (folder: string): string[] => [`${folder}/`, `${folder}0`];
  return {
    async file(world, path) {
      const [row] = await database.query<StoredFile>(
        `select ${fileColumns} from ${await schema()}.files where world = $1 and path = $2`,
        [storableText(world), storableText(path)],
      );
      return row ?? null;
    },
    async some(world, paths) {
      return database.query<StoredFile>(
        `select ${fileColumns} from ${await schema()}.files where world = $1 and path = any($2::text[])`,
        [storableText(world), paths.map(storableText)],
      );
    },
    async list(world, folder) {
      const rest = `substr(path, case when $4 = '' then 1 else char_length($4::text) + 2 end)`;
      const rows = await database.query<{ name: string; folder: boolean; size: number }>(
        `select split_part(${rest}, '/', 1) as name, bool_or(strpos(${rest}, '/') > 0) as folder, max(size_bytes) as size
         from ${await schema()}.files where ${within(storableText(folder))} group by 1 order by 1`,
        [storableText(world), ...bounds(storableText(folder)), storableText(folder)],
      );
      return rows.map(({ name, folder: isFolder, size }): FileEntry => ({ name, folder: isFolder, sizeBytes: size }));
    },
    async below(world, path) {
      return database.query<StoredFile>(
        `select ${fileColumns} from ${await schema()}.files where (${within(storableText(path))}) or (world = $1 and path = $4) order by path`,
        [storableText(world), ...bounds(storableText(path)), storableText(path)],
      );
    },
  };
}

function traceTable(database: SqlDatabase, queries: Kysely<unknown>, schema: Schema): TraceTable {
  return {
    async byId(ids) {
      const rows = await database.query<{ state: TraceState }>(
        `select state from ${await schema()}.traces where id = any($1::text[]) and not deleted`,
        [ids.map(storableText)],
      );
      return rows.map(({ state }) => state);
    },
    search: async (search) => searchTraces(queries, await schema(), search),
    count: async (search, max) => countTraces(queries, await schema(), search, max),
    async spans(ids) {
      const rows = await database.query<{ trace: string; otlp: string }>(
        `select trace, otlp from ${await schema()}.spans where trace = any($1::text[]) order by trace, id collate "C"`,
        [ids.map(storableText)],
      );
      const found = new Map<string, string[]>();
      for (const { trace, otlp } of rows) {
        const texts = found.get(trace);
        if (texts) texts.push(otlp);
        else found.set(trace, [otlp]);
      }
      return found;
    },
  };
}
