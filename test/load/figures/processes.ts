import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const fromSource = ['--conditions=source', '--import', 'tsx'];

/** A load generator as its own process: says JSON objects, one per line, and can be told lines. */
export class Generator {
  readonly child: ChildProcess;
  readonly #lines: Interface;
  readonly #said: Record<string, unknown>[] = [];
  readonly #waiters: (() => void)[] = [];
  #ended = false;

  private constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(command, args, {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#lines = createInterface(this.child.stdout!);
    this.#lines.on('line', (line) => {
      if (line.startsWith('{')) this.#said.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
    this.child.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static typescript(script: string, args: readonly string[]): Generator {
    return new Generator(
      process.execPath,
      [...fromSource, fileURLToPath(new URL(script, import.meta.url)), ...args],
      {},
    );
  }

  static python(script: string, args: readonly string[]): Generator {
    const path = fileURLToPath(new URL(script, import.meta.url));
    return new Generator('python3', [path, ...args], { PYTHONPATH: `${root}/libs/sdk-python` });
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** The next thing it says; throws when it has ended without a word. */
  async next(): Promise<Record<string, any>> {
    while (this.#said.length === 0) {
      if (this.#ended) throw new Error(`a load generator ended with code ${this.child.exitCode}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.#said.shift()!;
  }

  /** All it says until it ends. */
  async rest(): Promise<readonly Record<string, any>[]> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    if (this.child.exitCode !== 0) throw new Error(`a load generator ended with code ${this.child.exitCode}`);
    return this.#said.splice(0);
  }

  stop(): void {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
