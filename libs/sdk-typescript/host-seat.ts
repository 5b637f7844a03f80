import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Which sender of a run measures this host: one of them, and another as soon as it is gone. The seat is a socket's name without a file, which the
 * kernel takes back with the process, whatever ends it; all processes of a network namespace see it, those of the Python SDK too. Where there are
 * no such names (not Linux), rank 0 measures.
 */
export class HostSeat {
  readonly #name: string;
  #held: Server | null = null;

  constructor(
    run: string,
    readonly rank: number,
  ) {
    // as long as such a name can be, because older versions of Node fill shorter ones up
    this.#name = `runstream-system-${createHash('sha512').update(run).digest('hex').slice(0, 90)}`;
  }

  /** Takes it when it is free. */
  async taken(): Promise<boolean> {
    if (process.platform !== 'linux') return this.rank === 0;
    if (this.#held === null) this.#held = await bind(`\0${this.#name}`);
    return this.#held !== null;
  }

  leave(): void {
    this.#held?.close();
    this.#held = null;
  }
}

function bind(path: string): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(path, () => resolve(server.unref()));
  });
}
