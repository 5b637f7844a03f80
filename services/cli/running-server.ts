import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { Configuration } from '#libs/config/configuration.js';

/** Where the server of this configuration is reached from this machine. */
export function serverUrl({ host, port }: Configuration): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Asks the server that runs on this configuration's address; null when none answers there. */
export async function askRunningServer<T>(configuration: Configuration, path: string, body: object): Promise<T | null> {
  const url = `${serverUrl(configuration)}${path}`;
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(configuration.apiKey ? { authorization: `Bearer ${configuration.apiKey}` } : {}),
      },
      body: JSON.stringify(body),
    });
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') return null;
    throw new Unavailable(`${url} does not answer: ${(error as Error).message}`);
  }
  const text = await response.text();
  if (!response.ok) {
    const message = readMessage(text) ?? `${response.status} ${text.slice(0, 200)}`;
    throw new Rejection('INVALID_ARGUMENT', `the server at ${url} refused: ${message}`);
  }
  return (text === '' ? {} : JSON.parse(text)) as T;
}

function readMessage(text: string): string | null {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? null;
  } catch {
    return null; // not ours: the caller shows the text itself
  }
}
