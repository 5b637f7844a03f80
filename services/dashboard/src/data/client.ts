import { cacheExchange, Client, fetchExchange, type CombinedError } from 'urql';
import { apiKey } from './api-key.js';
import { at } from './base.js';
import { reportKeyNeeded, reportReachable, reportUnreachable } from './connection.js';

export const client = new Client({
  url: at('/graphql'),
  preferGetMethod: false,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: () => {
    const key = apiKey();
    return key === null ? {} : { headers: { authorization: `Bearer ${key}` } };
  },
});

/** Why a question was not answered: nobody there (try again), a key is missing, or the server refused it. */
export interface Trouble {
  kind: 'unreachable' | 'key-needed' | 'refused';
  message: string;
  /** Where in a search the problem is, counted from 0. */
  at: number | null;
}

function statusOf(error: CombinedError): number | null {
  const response: unknown = error.response;
  if (typeof response !== 'object' || response === null || !('status' in response)) return null;
  return typeof response.status === 'number' ? response.status : null;
}

export function readTrouble(error: CombinedError): Trouble {
  const status = statusOf(error);
  const refusal = error.graphQLErrors[0];
  const code = refusal?.extensions['code'];
  if (status === 401 || code === 'UNAUTHENTICATED' || code === 'unauthenticated') {
    return { kind: 'key-needed', message: 'This server asks for an API key.', at: null };
  }
  if (refusal !== undefined) {
    const { at, position, offset } = refusal.extensions;
    const place = [at, position, offset].find((candidate) => typeof candidate === 'number');
    return { kind: 'refused', message: refusal.message, at: typeof place === 'number' ? place : null };
  }
  const gatewayDown = status === 502 || status === 503 || status === 504;
  if (status !== null && status >= 400 && !gatewayDown) {
    return { kind: 'refused', message: `The server answered with status ${status}.`, at: null };
  }
  return { kind: 'unreachable', message: 'The server can’t be reached.', at: null };
}

export function reportTrouble(trouble: Trouble | null): void {
  if (trouble?.kind === 'unreachable') reportUnreachable();
  else reportReachable();
  if (trouble?.kind === 'key-needed') reportKeyNeeded();
}
