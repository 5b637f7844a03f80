import { connect, type Socket } from 'node:net';

/** A connection on which anything may be said. */
export async function openRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  // what the server does with it is read from what it says
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Says these bytes and gives all that is answered until the other side closes or nothing more has come for a while. */
export async function sayRaw(url: string, text: string | Uint8Array, quietMs = 2_000): Promise<string> {
  const socket = await openRaw(url);
  socket.write(text);
  return new Promise((resolve) => {
    let answer = '';
    let timer = setTimeout(end, quietMs);
    function end(): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    }
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(end, quietMs);
    });
    socket.on('close', end);
  });
}
