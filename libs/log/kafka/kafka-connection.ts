import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';

const { KafkaJSConnectionError } = kafkajs;

/** The parts of the driver's connection that are mended here. */
interface DriverConnection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  processData(data: Buffer): void;
  rejectRequests(error: Error): void;
}
const lengthBytes = 4;
const mended = Symbol('mended by runstream');

/**
 * The driver keeps what it had received of an answer over a reconnect, takes the next answer for its rest, and what then can't be decoded
 * is thrown into the socket's event: it ends the process. A new connection starts with an empty buffer here, and bytes that are no answer
 * end the connection they came over and nothing else.
 */
export function mendConnections(): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/connection.js') as { prototype: DriverConnection };
  const marked = prototype as DriverConnection & { [mended]?: true };
  if (marked[mended]) return;
  if (typeof marked.processData !== 'function' || typeof marked.rejectRequests !== 'function')
    throw new Error('this version of kafkajs is not the one the Kafka log was written for');
  marked[mended] = true;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the connection below
  const { connect, processData } = marked;
  marked.connect = function (this: DriverConnection) {
    if (!this.isConnected()) forget(this);
    return connect.call(this);
  };
  marked.processData = function (this: DriverConnection, data: Buffer) {
    try {
      processData.call(this, data);
    } catch (error) {
      forget(this);
      this.rejectRequests(new KafkaJSConnectionError(`the broker's answer can't be read: ${(error as Error).message}`));
      void this.disconnect().catch(() => undefined);
    }
  };
}

function forget(connection: DriverConnection): void {
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = lengthBytes;
}
