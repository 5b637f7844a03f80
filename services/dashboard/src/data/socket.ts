import { CloseCode, createClient, type Client } from 'graphql-ws';
import { stringifyDocument, type AnyVariables, type TypedDocumentNode } from 'urql';
import { apiKey } from './api-key.js';
import { at } from './base.js';
import { reportKeyNeeded, reportReachable, reportSocket, reportUnreachable } from './connection.js';

const retryMsMax = 8_000;
let socket: Client | null = null;

function waitBeforeRetry(retries: number): Promise<void> {
  const ms = Math.min(retryMsMax, 250 * 2 ** retries) * (0.75 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function openSocket(): Client {
  return createClient({
    url: at('/graphql').replace(/^http/, 'ws'),
    lazy: true,
    lazyCloseTimeout: 2_000,
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: waitBeforeRetry,
    shouldRetry: () => true,
    connectionParams: () => {
      const key = apiKey();
      return key === null ? {} : { authorization: `Bearer ${key}` };
    },
    on: {
      connected: () => {
        reportSocket(true);
        reportReachable();
      },
      closed: (event) => {
        reportSocket(false);
        const code = event instanceof CloseEvent ? event.code : 0;
        if (code === CloseCode.Forbidden || code === CloseCode.Unauthorized) reportKeyNeeded();
        else if (code !== 1000) reportUnreachable();
      },
    },
  });
}

export interface Listening<Data, Variables extends AnyVariables> {
  question: TypedDocumentNode<Data, Variables>;
  variables: Omit<Variables, 'after'>;
  /** The cursor to begin after; from now on, or from a snapshot, when there is none. */
  after?: string;
  /** The cursor to go on from after a reconnect. */
  cursorOf: (data: Data) => string;
  onData: (data: Data) => void;
  onRefused?: (message: string) => void;
}

/**
 * A subscription that survives the server: the client sends the same payload object again after a reconnect, and its
 * variables are read at that moment, so it goes on after the last cursor seen. A refusal (an expired cursor, say) is
 * reported and the subscription starts over from a fresh snapshot.
 */
export function listen<Data extends object, Variables extends AnyVariables>(
  listening: Listening<Data, Variables>,
): () => void {
  socket ??= openSocket();
  const opened = socket;
  let cursor = listening.after ?? null;
  let stopped = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: () => void = () => undefined;

  const startOver = (message: string): void => {
    if (stopped) return;
    cursor = null;
    failures += 1;
    listening.onRefused?.(message);
    timer = setTimeout(start, Math.min(30_000, 1_000 * 2 ** failures));
  };
  const start = (): void => {
    const payload = {
      query: stringifyDocument(listening.question),
      get variables() {
        return { ...listening.variables, after: cursor };
      },
    };
    stop = opened.subscribe<Data>(payload, {
      next: ({ data, errors }) => {
        if (errors !== undefined && errors.length > 0) {
          listening.onRefused?.(errors[0]?.message ?? 'refused');
          return;
        }
        if (data === null || data === undefined) return;
        failures = 0;
        cursor = listening.cursorOf(data);
        listening.onData(data);
      },
      error: (error) => startOver(Array.isArray(error) ? String((error as { message?: unknown }[])[0]?.message) : 'The live connection was refused.'),
      complete: () => startOver('The live stream ended.'),
    });
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
