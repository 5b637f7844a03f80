import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Configuration } from '#libs/config/configuration.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { serverUrl } from './running-server.js';

const batchEvents = 500;
const batchCharsMax = 8 * 1024 * 1024;

const headersOf = ({ apiKey }: Configuration): Record<string, string> =>
  apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new Unavailable(`no server answers at ${url}: start one first (npm start)`, 1_000, { cause: error });
  }
}

/** Writes the events of runs (all when none is named) as JSON lines, from the running server. */
export async function exportCommand(
  configuration: Configuration,
  runs: readonly string[],
  file: string,
): Promise<void> {
  const query = runs.map((run) => `run=${encodeURIComponent(run)}`).join('&');
  const response = await ask(`${serverUrl(configuration)}/v1/export?${query}`, { headers: headersOf(configuration) });
  if (!response.ok || !response.body)
    throw new Error(`the server refused: ${response.status} ${await response.text()}`);
  const out = file === '-' ? process.stdout : createWriteStream(file);
  await pipeline(Readable.fromWeb(response.body as never), out);
}

/** Appends the events of an export to the running server. Doing it twice changes nothing: the events keep their ids and numbers. */
export async function importCommand(configuration: Configuration, file: string): Promise<void> {
  const lines = createInterface({ input: file === '-' ? process.stdin : createReadStream(file), crlfDelay: Infinity });
  let batch: string[] = [];
  let chars = 0;
  let accepted = 0;
  let refused = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const response = await ask(`${serverUrl(configuration)}/v1/events`, {
      method: 'POST',
      headers: { ...headersOf(configuration), 'content-type': 'application/cloudevents-batch+json' },
      body: `[${batch.join(',')}]`,
    });
    const answer = (await response.json()) as {
      results?: { status: string; message?: string }[];
      error?: { message: string };
    };
    if (!answer.results) throw new Error(`the server refused: ${answer.error?.message ?? response.status}`);
    for (const { status, message } of answer.results) {
      if (status === 'accepted') accepted += 1;
      else if (refused++ < 10) console.error(`refused: ${message}`);
    }
    batch = [];
    chars = 0;
  };
  for await (const line of lines) {
    if (line.trim() === '') continue;
    batch.push(line);
    chars += line.length;
    if (batch.length >= batchEvents || chars > batchCharsMax) await send();
  }
  await send();
  console.log(`${accepted} events accepted, ${refused} refused`);
  if (refused > 0) process.exitCode = 2;
}
