import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

export type PgliteRequest =
  | { readonly id: number; readonly kind: 'query'; readonly text: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly kind: 'script'; readonly text: string }
  | { readonly id: number; readonly kind: 'close' };
export type PgliteReply =
  { readonly id: number; readonly rows: readonly unknown[] } | { readonly id: number; readonly error: PgliteFailure };
export interface PgliteWorkerData {
  readonly dataDir: string | null;
  /** Whether all that the tables stand on is read before the first answer. */
  readonly readThrough: boolean;
}
export interface PgliteFailure {
  readonly message: string;
  readonly code: string | null;
  /** After it nothing more is answered: PostgreSQL panicked, or the program around it did. */
  readonly ends: boolean;
}

/** Id 0 answers the opening itself. */
const port = parentPort!;
const { dataDir, readThrough } = workerData as PgliteWorkerData;
const int8 = 20;

function fail(id: number, error: unknown): void {
  const { message, code, severity } = error as { message?: string; code?: string; severity?: string };
  port.postMessage({
    id,
    error: {
      message: message ?? String(error),
      code: typeof code === 'string' ? code : null,
      ends: severity === undefined || severity === 'FATAL' || severity === 'PANIC',
    },
  } satisfies PgliteReply);
}

/**
 * An initialised database cluster, made once by the build, as a folder and as a tar of it: initdb in WebAssembly takes five times as long
 * as to unpack the tar and, like it, leaves much memory behind. In dist it lies two folders up; running from source it is taken from
 * there too, if there has been a build.
 */
function template(kind: '' | '.tar'): string | undefined {
  return ['../../pglite-template', '../../dist/pglite-template']
    .map((path) => fileURLToPath(new URL(`${path}${kind}`, import.meta.url)))
    .find((path) => existsSync(path));
}

/** A copy has the rights of what it was copied from, and PostgreSQL gives some files its own: only we read them. */
function closeToOthers(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) closeToOthers(inside);
    else chmodSync(inside, 0o600);
  }
}

/** A new folder becomes a copy of the template, at once and whole. */
function copyTemplate(to: string): void {
  const from = template('');
  if (from === undefined || existsSync(to)) return;
  const copy = `${to}.new`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(from, copy, { recursive: true });
  renameSync(copy, to);
}

async function open(): Promise<PGlite> {
  if (dataDir !== null) copyTemplate(dataDir);
  const tar = dataDir === null ? template('.tar') : undefined;
  const options = {
    relaxedDurability: true,
    // the default of 128 MB stays resident once touched; the files lie in the system's page cache anyway
    startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB'],
    parsers: { [int8]: Number },
    ...(tar !== undefined && { loadDataDir: new Blob([readFileSync(tar)]) }),
  };
  if (dataDir === null) return PGlite.create(options);
  const database = await PGlite.create(dataDir, options);
  // also what it makes while it starts
  closeToOthers(dataDir);
  return database;
}

/**
 * Every page has a checksum, and a checkpoint that can't be read would be a reason to wait for ever: what all else stands on is read
 * once, page by page (a condition that no row meets but that each is asked), in one statement, for the first use of a statement costs more.
 */
async function readEveryPage(database: PGlite): Promise<void> {
  const { rows } = await database.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 't') and n.nspname in ('pg_catalog', 'pg_toast', 'runstream') and c.relname not like 'pg_statistic%'`,
  );
  await database.query(
    rows.map(({ name }) => `select count(*) from ${name} t where t.tableoid = 0`).join(' union all '),
  );
}

async function answer(database: PGlite, request: PgliteRequest): Promise<readonly unknown[]> {
  switch (request.kind) {
    case 'query':
      return (await database.query(request.text, [...request.parameters])).rows;
    case 'script':
      await database.exec(request.text);
      return [];
    case 'close':
      await database.close();
      return [];
  }
}

try {
  const database = await open();
  if (readThrough) await readEveryPage(database);
  // one statement at a time, in the order of asking: there is one connection
  let last: Promise<void> = Promise.resolve();
  port.on('message', (request: PgliteRequest) => {
    last = last.then(async () => {
      try {
        port.postMessage({ id: request.id, rows: await answer(database, request) } satisfies PgliteReply);
        if (request.kind === 'close') port.close();
      } catch (error) {
        fail(request.id, error);
      }
    });
  });
  port.postMessage({ id: 0, rows: [] } satisfies PgliteReply);
} catch (error) {
  fail(0, error);
  port.close();
}
