import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeBlock, encodeEvent, encodeKeys, encodeMessage, type EventEnvelope, type Message } from './wire.js';

const folder = new URL('../../docs/protocol/', import.meta.url);
interface Block {
  keys: string[];
  steps: number[];
  times?: number[];
  values: (number | string)[][];
  everyValue?: boolean;
}

function encodeData(name: string, data: Message): Uint8Array {
  if (name !== 'PointsLogged') return encodeMessage(name, data);
  const blocks = (data['blocks'] as Block[]).map((block) =>
    encodeBlock(
      encodeKeys(block.keys),
      block.steps,
      block.times ?? null,
      Float64Array.from(block.values.flat(), Number),
      block.everyValue,
    ),
  );
  return Buffer.concat(blocks);
}

describe('golden examples of the wire', () => {
  it.each(readdirSync(folder).filter((file) => file.endsWith('.json')))(
    '%s is written to exactly its bytes',
    (file) => {
      const example = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
        events: (EventEnvelope & { data: Message })[];
      };
      const body = Buffer.concat(example.events.map((event) => encodeEvent(event, encodeData(event.name, event.data))));
      expect(body.toString('hex')).toBe(readFileSync(new URL(file.replace('.json', '.bin'), folder)).toString('hex'));
    },
  );
});
