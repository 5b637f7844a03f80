import { readdirSync, readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { EventName } from '#libs/domain/event.js';
import { checkData, checkHead } from '#libs/domain/validate-event.js';
import { readEventBatch, writeEventBatch } from './batch-codec.js';
import { readWireEvents } from './golden-example.js';
import { readJsonPayload } from './json-payload.js';
import { decodePayload, encodePayload, eventNames } from './payload-codec.js';

const folder = new URL('../../../docs/protocol/', import.meta.url);
// those of `doors` are said by the server's own doors only, so the SDKs need not know them
const names = ['', 'doors/'].flatMap((part) =>
  readdirSync(new URL(part, folder)).flatMap((file) => (file.endsWith('.json') ? [`${part}${file}`] : [])),
);
interface ExampleFile {
  events: { name: EventName; data: unknown }[];
}
const readExample = (name: string): ExampleFile =>
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ExampleFile;
const readBytes = (name: string): Buffer => readFileSync(new URL(name.replace('.json', '.bin'), folder));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('golden examples of the wire', () => {
  it('cover every event that a run can have', () => {
    const seen = new Set(names.flatMap((name) => readExample(name).events.map((event) => event.name)));
    expect(eventNames.filter((name) => !name.startsWith('ApiKey') && !seen.has(name))).toEqual([]);
  });

  it('are of every message of runstream.proto that is no part of another and no envelope', () => {
    const { root } = protobuf.parse(readFileSync(new URL('runstream.proto', import.meta.url), 'utf8'));
    const messages = (root.lookup('runstream.v1') as protobuf.Namespace).nestedArray;
    const all = messages.filter((one): one is protobuf.Type => one instanceof protobuf.Type);
    const parts = new Set(all.flatMap(({ fieldsArray }) => fieldsArray.map(({ type }) => type)));
    const envelopes = all.filter(({ fieldsArray }) => fieldsArray.some(({ type }) => /^Event(Result)?$/.test(type)));
    const events = all.filter((one) => !parts.has(one.name) && !envelopes.includes(one)).map(({ name }) => name);
    expect(events.sort()).toEqual([...eventNames].sort());
  });

  it.each(names)('%s is written to exactly its bytes', (name) => {
    expect(Buffer.from(writeEventBatch(readWireEvents(readExample(name))))).toEqual(readBytes(name));
  });

  it.each(names)('%s is read from its bytes to what its JSON says, and passes every check', (name) => {
    const example = readExample(name);
    const events = readEventBatch(readBytes(name));
    expect(events).toHaveLength(example.events.length);
    events.forEach((event, index) => {
      const { name: eventName, data: json } = example.events[index]!;
      const data = decodePayload(eventName, event.data);
      checkHead({ ...event, timeMs: event.timeMs }, eventName);
      checkData(eventName, data);
      const again = readJsonPayload(eventName, json);
      expect(hex(encodePayload(eventName, data))).toBe(hex(encodePayload(eventName, again)));
      if (eventName === 'PointsLogged') expect(data).toEqual(again);
    });
  });
});
