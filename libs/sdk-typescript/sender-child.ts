import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Between restarts of a sender that was killed; doubled each time. */
const restartMs = { first: 200, max: 30_000 };

/** The sender of a run, as its process sees it: outlives this one, and is started again when it dies alone. */
export class SenderChild {
  #child: ChildProcess | null = null;
  #restarting = false;

  constructor(
    readonly folder: string,
    readonly apiKey: string | undefined,
    readonly warn: (topic: string, words: string) => void,
  ) {}

  /** It has said its last word (delivered, or refused). */
  get hasEnded(): boolean {
    return this.#child === null || (this.#child.exitCode !== null && !this.#restarting);
  }

  start(isFinished: () => boolean, waitMs: number = restartMs.first): void {
    try {
      this.#spawn(isFinished, waitMs);
    } catch (error) {
      this.warn('sender', `the sender can't be started (${String(error)}); all is kept, runstream-sync delivers it`);
    }
  }

  #spawn(isFinished: () => boolean, waitMs: number): void {
    const fromSource = import.meta.url.endsWith('.ts');
    const path = fileURLToPath(new URL(`sender-process.${fromSource ? 'ts' : 'js'}`, import.meta.url));
    const loader = fromSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
    const log = openSync(join(this.folder, 'sender.log'), 'a');
    const env = { ...process.env, ...(this.apiKey ? { RUNSTREAM_API_KEY: String(this.apiKey) } : {}) };
    const sender = spawn(process.execPath, [...loader, path, this.folder, String(process.pid)], {
      detached: true,
      stdio: ['ignore', log, log],
      env,
    });
    this.#child = sender;
    sender.on('error', (error) => this.warn('sender', `the sender can't be started (${error.message})`));
    sender.on('exit', (_code, signal) => {
      // an exit of its own is its last word; a signal is not, and what it had not sent is in the spool
      if (signal === null || !existsSync(this.folder)) return;
      this.#restarting = true;
      const timer = setTimeout(() => {
        this.#restarting = false;
        if (existsSync(this.folder)) this.start(isFinished, Math.min(waitMs * 2, restartMs.max));
      }, waitMs);
      if (!isFinished()) timer.unref();
    });
    sender.unref();
    closeSync(log);
  }
}
