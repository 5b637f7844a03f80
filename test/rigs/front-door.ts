import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Where a path is served: what an ingress in front of a cluster does. */
export type Route = (path: string) => URL;

export interface FrontDoor {
  readonly url: string;
  close(): Promise<void>;
}

const headBytesMax = 64 * 1024;

/**
 * One address in front of several processes. It reads the head of a connection's first request to know where it goes, asks for the
 * connection to end with the answer, and passes bytes on as they are, so that refusals and cut connections look as they do without it.
 */
export async function openFrontDoor(route: Route): Promise<FrontDoor> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  };
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    let read = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf('\r\n\r\n');
      if (end < 0) {
        if (read.length > headBytesMax) client.destroy();
        return;
      }
      client.off('data', onData).pause();
      const head = read.subarray(0, end).toString('latin1');
      const to = route(head.split(' ')[1] ?? '/');
      const upstream = keep(connect({ port: Number(to.port), host: to.hostname, allowHalfOpen: true }));
      upstream.write(`${oneRequest(head)}\r\n\r\n`, 'latin1');
      upstream.write(read.subarray(end + 4));
      client.pipe(upstream);
      upstream.pipe(client);
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
      client.once('close', () => upstream.destroy());
      upstream.once('close', () => client.end());
    };
    client.on('data', onData);
    client.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The next request of the same client may have to go elsewhere. Upgraded connections stay what they are. */
function oneRequest(head: string): string {
  if (/^connection:.*upgrade/im.test(head)) return head;
  return `${head.replace(/^connection:.*\r?\n?/gim, '').trimEnd()}\r\nconnection: close`;
}
