import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { openKafkaRig, type KafkaRig } from './kafka-rig.js';
import { openPostgresRig, type PostgresRig } from './postgres-rig.js';

declare module 'vitest' {
  interface ProvidedContext {
    engineHost: string;
  }
}

/**
 * One broker and one PostgreSQL server for all spec files of a run that share them (each with names of its own), started when the
 * first one asks and stopped with the run. Specs that kill engines have their own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let kafka: Promise<KafkaRig> | null = null;
  let postgres: Promise<PostgresRig> | null = null;
  const answer = async (path: string, name: string): Promise<string> => {
    if (path === '/kafka') return (await (kafka ??= openKafkaRig())).address;
    if (path === '/postgres') return (await (postgres ??= openPostgresRig())).database(name);
    throw new Error(`no engine at ${path}`);
  };
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    answer(pathname, searchParams.get('name') ?? '').then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end((error as Error).message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('engineHost', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await Promise.all([kafka, postgres].map(async (rig) => (await rig?.catch(() => null))?.close()));
  };
}

/** What the host of this run answers: the broker's address, or that of a database which is made. */
export async function askEngineHost(host: string, path: '/kafka' | `/postgres?name=${string}`): Promise<string> {
  const response = await fetch(host + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
