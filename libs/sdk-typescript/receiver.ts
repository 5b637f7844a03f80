import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { EventData, EventName } from '../domain/event.js';
import { checkData, checkHead } from '../domain/validate-event.js';
import { readEventBatch, type WireEvent } from '../domain/wire/batch-codec.js';
import { decodePayload } from '../domain/wire/payload-codec.js';

interface Received {
  name: EventName;
  event: WireEvent;
  hex: string;
}

/** A real HTTP server that reads batches with the server's own codec; `fault` says what happens to a request. */
export class Receiver {
  readonly events = new Map<string, Received>();
  resent = 0;
  /** Requests with events. */
  asked = 0;
  /** A code: this event is refused. */
  refuse: (name: string, writer: string) => string | null = () => null;
  refusesFiles = false;
  /** What GraphQL says of the attempts of a run. */
  attempts: { number: number; toStep: number }[] = [];
  attempt = 3;
  fault: (request: number) => 'lose' | 'cut' | number | null = () => null;
  readonly artifacts = new Map<string, Buffer>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const name = request.url!.split('/').at(-1)!;
        if (request.method === 'HEAD') return response.writeHead(404).end();
        if (request.url === '/graphql')
          return response.writeHead(200).end(JSON.stringify({ data: { run: { attempts: this.attempts } } }));
        if (request.method === 'PUT') {
          if (this.refusesFiles) return response.writeHead(422).end('no');
          this.artifacts.set(name, body);
          return response.writeHead(201).end('{}');
        }
        const fault = this.fault(++this.asked);
        if (typeof fault === 'number') return response.writeHead(fault).end();
        if (fault === 'cut') return request.socket.destroy();
        const results = readEventBatch(body).map((event) => this.#take(event));
        if (fault === 'lose') return request.socket.destroy();
        const refused = results.every(({ status }) => status === 'refused');
        return response.writeHead(refused ? 400 : 200).end(JSON.stringify({ results, position: '' }));
      });
    });
  }

  #take(event: WireEvent): { status: string } {
    const name = event.type.split('.')[1] as EventName;
    const data = decodePayload(name, event.data);
    checkHead(event, name);
    checkData(name, data);
    const code = this.refuse(name, event.writer!.id);
    if (code) return { id: event.id, status: 'refused', code, message: 'no' } as { status: string };
    const hex = Buffer.from(event.data).toString('hex');
    const known = this.events.get(event.id);
    if (known) {
      this.resent += 1;
      expect([known.hex, known.event.timeMs, known.event.writer]).toEqual([hex, event.timeMs, event.writer]);
    } else this.events.set(event.id, { name, event, hex });
    const answer = { id: event.id, status: 'accepted', ...(name === 'RunStarted' ? { attempt: this.attempt } : {}) };
    return answer;
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
  named<Name extends EventName>(name: Name): EventData[Name][] {
    const found = [...this.events.values()].filter((item) => item.name === name);
    return found.map((item) => decodePayload(name, Buffer.from(item.hex, 'hex')));
  }
  decode<Name extends EventName>(name: Name, hex: string): EventData[Name] {
    return decodePayload(name, Buffer.from(hex, 'hex'));
  }
  points(): [string, number, number][] {
    return this.named('PointsLogged').flatMap(({ blocks }) =>
      blocks.flatMap(({ keys, steps, values }) =>
        keys.flatMap((key, k) =>
          [...steps].map((step, i): [string, number, number] => [key, step, values[k * steps.length + i]!]),
        ),
      ),
    );
  }
  expectNoGaps(): void {
    for (const topic of ['runs', 'telemetry']) {
      const seqs = [...this.events.keys()]
        .filter((id) => id.includes(`-${topic}-`))
        .map((id) => Number(id.split('-').at(-1)));
      expect(seqs.sort((a, b) => a - b)).toEqual(seqs.map((_, index) => index + 1));
    }
  }
}
