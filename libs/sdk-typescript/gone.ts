import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Message } from './wire.js';

const lookMs = 20;
const signals: string[] = [];

/** A scheduler that stops a job signals all its processes: the sender goes on, it has the last words to deliver, and knows why now. */
export function ignoreSignals(): void {
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)
    process.on(name, () => {
      if (!signals.includes(name)) signals.push(name);
    });
}

/** Whether the training process is gone, and how it ended, as far as can be seen from beside it. */
export class Gone {
  #since: number | null = null;
  #diedOf = '';
  #lookedAt = 0;
  #zombie = false;

  constructor(
    readonly folder: string,
    readonly parentPid: number,
  ) {}

  /** Whether nothing is logged any more. */
  looked(): boolean {
    const alive = this.parentPid !== 0 && process.ppid === this.parentPid && !this.#isZombie();
    if (alive && !existsSync(join(this.folder, 'closed'))) return false;
    this.#since ??= Date.now();
    return true;
  }

  isLongerThan(ms: number): boolean {
    return this.#since !== null && Date.now() - this.#since > ms;
  }

  #isZombie(): boolean {
    if (Date.now() - this.#lookedAt < lookMs) return this.#zombie;
    this.#lookedAt = Date.now();
    return (this.#zombie = this.#readZombie());
  }

  #readZombie(): boolean {
    try {
      const stat = readFileSync(`/proc/${this.parentPid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] !== 'Z') return false;
      const signal = Number(fields[49] ?? 0) & 0x7f;
      this.#diedOf ||= Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? '';
      return true;
    } catch {
      return false; // no such system
    }
  }

  /** Of a process that has not said how it ends. */
  ending(): Message {
    const names = this.#diedOf ? [this.#diedOf] : signals;
    if (names.length > 0) {
      const number = constants.signals[names[0] as NodeJS.Signals];
      return { state: 'killed', reason: `the process was ended by ${names.join(' and ')}`, exitCode: 128 + number };
    }
    const reason = 'the process ended without a word: killed (SIGKILL, SIGTERM, out of memory) or a crash';
    return { state: 'killed', reason, exitCode: 137 };
  }

  /** Of a spool that was found later: when something was last written there. */
  atMs(): number {
    if (this.parentPid !== 0) return Date.now();
    const files = readdirSync(this.folder).filter((name) => name.endsWith('.seg'));
    return Math.floor(Math.max(0, ...files.map((name) => statSync(join(this.folder, name)).mtimeMs))) || Date.now();
  }
}
