import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * Gradient exchange over loopback sockets, as a star: every rank sends its vector to the hub, the hub adds them up when all are there and
 * sends the mean back. A frame is the vector's bytes; all vectors have one length.
 */
export function openHub(ranks: number, length: number): Promise<{ port: number; close: () => void }> {
  const sum = new Float64Array(length);
  const sockets = new Set<Socket>();
  let arrived = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // a rank that is killed resets its connection; the job is ended by whoever watches its process
    socket.on('error', () => socket.destroy());
    readFrames(socket, length, (frame) => {
      for (let i = 0; i < length; i++) sum[i]! += frame[i]!;
      arrived += 1;
      if (arrived < ranks) return;
      const mean = Buffer.from(Float64Array.from(sum, (value) => value / ranks).buffer);
      sum.fill(0);
      arrived = 0;
      for (const other of sockets) other.write(mean);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const close = (): void => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}

/** The mean over all ranks, once all have sent theirs. */
export type AllReduce = (vector: Float64Array) => Promise<Float64Array>;

export function joinHub(port: number, length: number): Promise<{ reduce: AllReduce; close: () => void }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let waiting: ((mean: Float64Array) => void) | null = null;
    socket.setNoDelay(true);
    socket.once('error', reject);
    readFrames(socket, length, (frame) => waiting?.(frame));
    const reduce: AllReduce = (vector) =>
      new Promise((done) => {
        waiting = done;
        socket.write(new Uint8Array(vector.buffer.slice(0)));
      });
    socket.once('connect', () => resolve({ reduce, close: () => socket.end() }));
  });
}

function readFrames(socket: Socket, length: number, frame: (values: Float64Array) => void): void {
  const bytes = new Uint8Array(length * 8);
  let filled = 0;
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < bytes.length) continue;
      filled = 0;
      frame(new Float64Array(bytes.slice().buffer));
    }
  });
}
