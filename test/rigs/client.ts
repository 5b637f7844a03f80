import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import type { EventData, EventName, PointBlock, Writer } from '#libs/domain/event.js';
import { readEventResults, writeEventBatch, type WireEvent, type WireResult } from '#libs/domain/wire/batch-codec.js';
import { encodePayload } from '#libs/domain/wire/payload-codec.js';

/** What a test says to the server, over its real doors. */
export interface TestEvent<Name extends EventName = EventName> {
  readonly name: Name;
  readonly subject: string;
  readonly data: EventData[Name];
  readonly writer?: Writer | null;
  readonly id?: string;
  readonly reply?: boolean;
  readonly timeMs?: number;
}

let counter = 0;
export const newId = (): string => `t-${process.pid}-${++counter}`;

export function wireEvent<Name extends EventName>({
  name,
  subject,
  data,
  writer = null,
  id = newId(),
  reply = false,
  timeMs = 0,
}: TestEvent<Name>): WireEvent {
  return {
    id,
    type: `runstream.${name}.v1`,
    source: 'test',
    subject,
    timeMs,
    writer,
    data: encodePayload(name, data),
    reply,
  };
}

export interface Answer {
  readonly status: number;
  readonly results: readonly WireResult[];
  readonly position: string;
}

export async function postEvents(
  url: string,
  events: readonly TestEvent[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: writeEventBatch(events.map((event) => wireEvent(event))),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.headers.get('content-type')?.includes('protobuf'))
    return { status: response.status, ...readEventResults(body) };
  throw new Error(`${response.status} ${Buffer.from(body).toString()}`);
}

export async function gql<T = Record<string, any>>(
  url: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: readonly { message: string; extensions?: unknown }[] };
  if (answer.errors)
    throw Object.assign(new Error(answer.errors.map(({ message }) => message).join('; ')), { errors: answer.errors });
  return answer.data!;
}

export function openSocket(url: string, connectionParams: Readonly<Record<string, unknown>> = {}): Client {
  return createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
  });
}

export const started = (
  subject: string,
  project: string,
  writer: Writer | null = null,
  more: Partial<EventData['RunStarted']> = {},
): TestEvent<'RunStarted'> => ({
  name: 'RunStarted',
  subject,
  writer,
  data: {
    project,
    name: '',
    group: '',
    jobType: '',
    user: '',
    notes: '',
    tags: {},
    params: [],
    environment: null,
    worldSize: 1,
    launch: '',
    fromStep: 0,
    hasFromStep: false,
    costPerHour: 0,
    labels: [],
    ...more,
  },
});

export function block(
  keys: readonly string[],
  steps: readonly number[],
  value: (key: number, step: number) => number,
): PointBlock {
  const values = new Float64Array(keys.length * steps.length);
  keys.forEach((_, k) => steps.forEach((step, i) => (values[k * steps.length + i] = value(k, step))));
  return { keys, steps: Float64Array.from(steps), times: null, values, everyValue: false };
}
export const points = (subject: string, writer: Writer, blocks: readonly PointBlock[]): TestEvent<'PointsLogged'> => ({
  name: 'PointsLogged',
  subject,
  writer,
  data: { blocks },
});
export const writerOf = (id: string, seq: number, rank = 0, attempt = 1): Writer => ({ id, attempt, rank, seq });
