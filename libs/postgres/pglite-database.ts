import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Unavailable } from '#libs/domain/rejection.js';
import { PgliteEngine } from './pglite-engine.js';
import type { SqlDatabase, SqlSession } from './sql-database.js';
import { workWhole } from './whole-transaction.js';

export interface PgliteOptions {
  /** Folder of the database; null keeps everything in memory. */
  readonly dir: string | null;
  /** Names the machine's current start, so that its crash is told from ours; null: it can't be told. */
  readonly bootId?: () => string | null;
  /** Told when files under tables are found to be damaged while they are used. */
  readonly onDamaged?: (message: string) => void;
  /** Told as soon as its thread begins: what else there is to do takes nothing from it. */
  readonly onSpawned?: (() => void) | undefined;
}
export interface OpenedPglite {
  readonly database: PgliteDatabase;
  /**
   * False after a crash, a kill or a damaged folder: PGlite does not fsync, so its content must be checked against the log and
   * rebuilt where it is ahead of it.
   */
  readonly cleanStop: boolean;
  /** Where a folder that did not open was moved to; null normally. */
  readonly damaged: string | null;
}

/**
 * Opens the embedded PostgreSQL in its worker thread. A folder that does not open is moved aside, never deleted; so is one that was
 * in use when the machine itself went down: PGlite does not fsync, and what the disk holds then may be anything.
 */
export async function openPgliteDatabase({
  dir,
  bootId = readBootId,
  onDamaged = () => undefined,
  onSpawned,
}: PgliteOptions): Promise<OpenedPglite> {
  if (dir === null)
    return { database: new PgliteDatabase(null, await PgliteEngine.open(null)), cleanStop: true, damaged: null };
  await mkdir(dir, { recursive: true });
  const dataDir = join(dir, 'data');
  const marker = markerOf(dir);
  const boot = bootId();
  const left = existsSync(marker) ? (await readFile(marker, 'utf8')).trim() : null;
  const trusted = left === null || (boot !== null && left === boot);
  let damaged = !trusted && existsSync(dataDir) ? await moveAside(dir, dataDir) : null;
  await writeFile(marker, `${boot ?? 'unknown'}\n`);
  let engine: PgliteEngine;
  try {
    engine = await PgliteEngine.open(dataDir, { readThrough: true, onSpawned });
  } catch (error) {
    await refuseFullDisk(dir, error);
    if (!existsSync(dataDir)) throw error;
    damaged = await moveAside(dir, dataDir);
    engine = await PgliteEngine.open(dataDir);
  }
  return {
    database: new PgliteDatabase(dir, engine, onDamaged),
    cleanStop: left === null && damaged === null,
    damaged,
  };
}

/**
 * PostgreSQL panics when there is no room for the next file of its journal, and then reads end as well: so what writes much is refused
 * before that, while there is room for two of them.
 */
const journalBytes = 32 * 1024 * 1024;

async function refuseFullDisk(dir: string, cause?: unknown): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const freeBytes = bavail * bsize;
  if (freeBytes >= journalBytes) return;
  throw new Unavailable(
    `the run tables: the disk is full (${freeBytes} bytes free in ${dir}, ${journalBytes} are needed); free some space`,
    1_000,
    { cause },
  );
}

async function moveAside(dir: string, dataDir: string): Promise<string> {
  const count = (await readdir(dir)).filter((name) => name.startsWith('damaged-')).length;
  const damaged = join(dir, `damaged-${count + 1}`);
  await rename(dataDir, damaged);
  return damaged;
}

/** Which start of the machine this is; null where the system does not say. */
function readBootId(): string | null {
  const file = '/proc/sys/kernel/random/boot_id';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

const markerOf = (dir: string): string => join(dir, 'running');

/** PGlite as a `SqlDatabase`: one connection, so transactions and queries take turns. A dead worker is replaced at the next use. */
export class PgliteDatabase implements SqlDatabase {
  readonly embedded = true;
  #engine: PgliteEngine;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly dir: string | null,
    engine: PgliteEngine,
    private readonly onDamaged: (message: string) => void = () => undefined,
  ) {
    this.#engine = engine;
    engine.onDamaged = onDamaged;
  }

  query<Row>(text: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#inTurn(async (engine) => (await engine.ask({ kind: 'query', text, parameters })) as readonly Row[]);
  }

  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#inTurn(async (engine) => {
      if (this.dir !== null) await refuseFullDisk(this.dir);
      const session: SqlSession = {
        query: async <Row>(text: string, parameters: readonly unknown[] = []) =>
          (await engine.ask({ kind: 'query', text, parameters })) as readonly Row[],
      };
      await engine.ask({ kind: 'script', text: 'begin' });
      try {
        const result = await workWhole(session, work);
        await engine.ask({ kind: 'script', text: 'commit' });
        return result;
      } catch (error) {
        if (!engine.dead) await engine.ask({ kind: 'script', text: 'rollback' });
        throw error;
      }
    });
  }

  async script(text: string): Promise<void> {
    await this.#inTurn((engine) => engine.ask({ kind: 'script', text }));
  }

  /** Ends the worker thread as a crash would, for tests of recovery. */
  async crash(): Promise<void> {
    await this.#engine.terminate();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn;
    const clean = !this.#engine.dead;
    await this.#engine.close();
    if (clean && this.dir !== null) await rm(markerOf(this.dir), { force: true });
  }

  /** What does not open while the disk is full is not damaged: it may need room to go over its journal. */
  async #reopen(): Promise<PgliteEngine> {
    const { dir } = this;
    if (dir === null) return PgliteEngine.open(null);
    try {
      return await PgliteEngine.open(join(dir, 'data'));
    } catch (error) {
      await refuseFullDisk(dir, error);
      throw new Unavailable(`the embedded PostgreSQL does not open: ${(error as Error).message}`, 1_000, {
        cause: error,
      });
    }
  }

  #inTurn<T>(work: (engine: PgliteEngine) => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      if (this.#engine.dead && !this.#closed) {
        this.#engine = await this.#reopen();
        this.#engine.onDamaged = this.onDamaged;
      }
      return work(this.#engine);
    });
    // the next in turn does not care how this one ended; the caller does
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
