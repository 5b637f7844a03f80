import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { entryPoint } from '#libs/config/entry-point.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { DamagedTables, readSqlError } from './sql-errors.js';
import type { PgliteFailure, PgliteReply, PgliteRequest, PgliteWorkerData } from './pglite-worker.js';

type Request = PgliteRequest extends infer R ? (R extends PgliteRequest ? Omit<R, 'id'> : never) : never;
interface OpenOptions {
  readonly readThrough?: boolean;
  /** Told as soon as its thread begins. */
  readonly onSpawned?: (() => void) | undefined;
}
interface Pending {
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

function startWorker(workerData: PgliteWorkerData): Worker {
  const { path, execArgv } = entryPoint(import.meta.url, './pglite-worker');
  if (execArgv.length === 0) return new Worker(path, { workerData });
  // Node 20 does not run --import in worker threads: from source the loader is registered by a first line of our own
  const loader = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const source = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(pathToFileURL(path).href)}); })`;
  return new Worker(source, { eval: true, workerData, execArgv: ['--conditions=source'] });
}

/** One life of the worker thread that PGlite runs in. When it dies everything that waits is told so. */
export class PgliteEngine {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  dead = false;
  /** Told when files under the tables are found to be damaged. */
  onDamaged: (message: string) => void = () => undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Rejects when the folder can't be opened or, where it is to be read through, not be read. */
  static async open(
    dataDir: string | null,
    { readThrough = false, onSpawned }: OpenOptions = {},
  ): Promise<PgliteEngine> {
    const worker = startWorker({ dataDir, readThrough } satisfies PgliteWorkerData);
    onSpawned?.();
    const engine = new PgliteEngine(worker);
    const opened = new Promise<readonly unknown[]>((resolve, reject) => engine.#pending.set(0, { resolve, reject }));
    worker.on('message', (reply: PgliteReply) => engine.#settle(reply));
    worker.on('error', (error) => engine.#die(error.message));
    worker.on('exit', (code) => engine.#die(`exit code ${code}`));
    await opened.catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    worker.unref();
    return engine;
  }

  ask(request: Request): Promise<readonly unknown[]> {
    if (this.dead) return Promise.reject(new Unavailable('the embedded PostgreSQL is not running', 200));
    const id = this.#nextId++;
    if (this.#pending.size === 0) this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id });
    });
  }

  async close(): Promise<void> {
    if (this.dead) return;
    await this.ask({ kind: 'close' });
    await this.terminate();
  }

  /** Stops the thread where it stands. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
    this.#die('terminated');
  }

  #settle(reply: PgliteReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('rows' in reply) pending?.resolve(reply.rows);
    else if (reply.error.ends && reply.id !== 0) this.#end(reply.error, pending);
    else pending?.reject(this.#read(reply.error));
  }

  #read(failure: PgliteFailure): Error {
    const known = readSqlError(failure);
    if (known instanceof DamagedTables) this.onDamaged(known.message);
    return known;
  }

  /** After a panic the engine answers nothing more: the next one in turn opens another. */
  #end(failure: PgliteFailure, pending: Pending | undefined): void {
    const known = this.#read(failure);
    const said = known instanceof Unavailable || known instanceof DamagedTables ? known.message : failure.message;
    pending?.reject(
      known instanceof DamagedTables
        ? known
        : new Unavailable(`the embedded PostgreSQL stopped: ${said}`, 200, { cause: known }),
    );
    this.#die(said);
    void this.#worker.terminate();
  }

  #die(reason: string): void {
    this.dead = true;
    for (const { reject } of this.#pending.values())
      reject(new Unavailable(`the embedded PostgreSQL stopped: ${reason}`, 200));
    this.#pending.clear();
  }
}
