import { useSyncExternalStore } from 'react';

/**
 * What we know of the server. Queries and the socket report here; the shell shows it. `epoch` grows each time the
 * server comes back, so that pages ask again for what they missed.
 */
export interface Connection {
  reachable: boolean;
  socketOpen: boolean;
  keyNeeded: boolean;
  epoch: number;
  downSince: number | null;
}

let connection: Connection = { reachable: true, socketOpen: false, keyNeeded: false, epoch: 0, downSince: null };
const listeners = new Set<() => void>();

function set(change: Partial<Connection>): void {
  connection = { ...connection, ...change };
  for (const listener of listeners) listener();
}

export function reportUnreachable(): void {
  if (connection.reachable) set({ reachable: false, downSince: Date.now() });
}

export function reportReachable(): void {
  if (!connection.reachable) set({ reachable: true, downSince: null, epoch: connection.epoch + 1 });
}

export function reportSocket(open: boolean): void {
  if (connection.socketOpen !== open) set({ socketOpen: open });
}

export function reportKeyNeeded(): void {
  if (!connection.keyNeeded) set({ keyNeeded: true });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}

export function useServerEpoch(): number {
  return useSyncExternalStore(subscribe, () => connection.epoch);
}
