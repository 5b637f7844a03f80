import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  /** host:port */
  readonly address: string;
  /** From now on nothing passes in either direction, and nobody is told: connections stay open, new ones are taken and answered by nothing. */
  freeze(): void;
  thaw(): void;
  /** The next answer is cut off with a reset after so many of its bytes. */
  resetNextAnswerAfter(bytes: number): void;
  /** Connections that were reset by `resetNextAnswerAfter`. */
  readonly resets: number;
  close(): Promise<void>;
}

/** A network between a program and an engine that can fail as networks do. `target` is host:port. */
export async function openTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let frozen = false;
  let resetAfter: number | null = null;
  let resets = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    if (frozen) socket.pause();
  };
  const server = createServer((client) => {
    const engine = connect(Number(port), hostname);
    for (const socket of [client, engine]) keep(socket);
    client.on('data', (bytes) => engine.write(bytes));
    engine.on('data', (bytes) => {
      if (resetAfter !== null && bytes.length > resetAfter) {
        client.write(bytes.subarray(0, resetAfter), () => client.resetAndDestroy());
        engine.destroy();
        resetAfter = null;
        resets += 1;
      } else client.write(bytes);
    });
    client.on('close', () => engine.destroy());
    engine.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    resetNextAnswerAfter: (bytes) => (resetAfter = bytes),
    get resets() {
      return resets;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
