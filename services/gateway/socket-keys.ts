import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import { Rejection } from '#libs/domain/rejection.js';
import type { KeyAuth } from '../http/auth.js';

/** How often open sockets are asked for their keys again. */
const recheckMs = 5_000;
const forbidden = 4403;

interface Shown {
  readonly headers: IncomingHttpHeaders;
  readonly key: string | undefined;
}

/** The keys that open sockets have shown: checked again at each operation and from time to time. A revoked one closes its sockets. */
export class SocketKeys {
  readonly #shown = new Map<WebSocket, Shown>();
  readonly #timer: NodeJS.Timeout | null;

  constructor(
    private readonly auth: KeyAuth,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.#timer = auth.required ? setInterval(() => void this.#checkAll(), recheckMs) : null;
    this.#timer?.unref();
  }

  async admit(socket: WebSocket, headers: IncomingHttpHeaders, key: string | undefined): Promise<void> {
    await this.auth.check(headers, key);
    this.#shown.set(socket, { headers, key });
  }

  /** Throws, and closes the socket, when its key is not good any more; a store that is away closes nothing. */
  async check(socket: WebSocket): Promise<void> {
    const shown = this.#shown.get(socket);
    try {
      if (!shown) throw new Rejection('UNAUTHENTICATED', 'this socket has shown no key');
      await this.auth.check(shown.headers, shown.key);
    } catch (error) {
      if (error instanceof Rejection) {
        this.forget(socket);
        socket.close(forbidden, 'Forbidden');
      }
      throw error;
    }
  }

  forget(socket: WebSocket): void {
    this.#shown.delete(socket);
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  async #checkAll(): Promise<void> {
    for (const socket of [...this.#shown.keys()]) {
      await this.check(socket).catch((error: unknown) => {
        if (!(error instanceof Rejection)) this.onTrouble(error);
      });
    }
  }
}
