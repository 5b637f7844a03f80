import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Awaited {
  readonly what: string;
  readonly reason: string;
  readonly since: string;
}

/**
 * Answers for a server that can't start yet, on its own address: that it is alive, what it waits for and since when. Opened at the first
 * thing that has to be waited for; nobody sees it in an ordinary start.
 */
export class WaitingRoom {
  readonly #awaited = new Map<string, Awaited>();
  #server: Promise<Server> | null = null;

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly clock: () => number,
    private readonly onOpen: (url: string) => void,
  ) {}

  /** `reason` null: it is there now. */
  waiting(what: string, reason: string | null): void {
    if (reason === null) {
      this.#awaited.delete(what);
      return;
    }
    const since = this.#awaited.get(what)?.since ?? new Date(this.clock()).toISOString();
    this.#awaited.set(what, { what, reason, since });
    this.#server ??= this.#open();
  }

  /** Makes room for the server itself; gives the port it must have, null where nobody was told of one. */
  async close(): Promise<number | null> {
    if (!this.#server) return null;
    const server = await this.#server.catch(() => null);
    this.#server = null;
    if (!server) return null;
    const { port } = server.address() as AddressInfo;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  #open(): Promise<Server> {
    const server = createServer((request, response) => {
      const path = (request.url ?? '').split('?')[0];
      const alive = path === '/healthz';
      const awaited = [...this.#awaited.values()];
      const message = `starting; waiting for ${awaited.map(({ what, reason }) => `${what}: ${reason}`).join('; ') || 'nothing more'}`;
      const body = alive
        ? { status: 'ok' }
        : path === '/readyz'
          ? { status: 'not ready', waiting: awaited }
          : { error: { code: 'UNAVAILABLE', message } };
      response.writeHead(alive ? 200 : 503, {
        'content-type': 'application/json; charset=utf-8',
        ...(alive ? {} : { 'retry-after': '5' }),
        // the next request is for the server itself
        connection: 'close',
      });
      response.end(JSON.stringify(body));
    });
    server.on('clientError', (_error, socket) => socket.destroy());
    const opened = new Promise<Server>((resolve, reject) => {
      // a taken port is told by the server itself
      server.once('error', reject);
      server.listen(this.port, this.host, () => {
        const host = this.host.includes(':') ? `[${this.host}]` : this.host;
        this.onOpen(`http://${host}:${(server.address() as AddressInfo).port}`);
        resolve(server);
      });
    });
    opened.catch(() => undefined);
    return opened;
  }
}
