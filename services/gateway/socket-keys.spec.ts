import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { KeyAuth } from '../http/auth.js';
import { SocketKeys } from './socket-keys.js';

/** An open socket, as far as keys are concerned. */
class Socket extends EventEmitter {
  closed: readonly unknown[] | null = null;
  close(...how: readonly unknown[]): void {
    this.closed = how;
  }
}
const open = (): Socket & WebSocket => new Socket() as Socket & WebSocket;

describe('keys of open sockets', () => {
  let good: Set<string>;
  let down: boolean;
  let required: boolean;
  const troubles: unknown[] = [];
  const auth = (): KeyAuth => ({
    required,
    check: (headers, given) => {
      if (down) return Promise.reject(new Unavailable('the store is away', 1));
      const key = given ?? headers.authorization ?? '';
      return good.has(key) ? Promise.resolve(key) : Promise.reject(new Rejection('UNAUTHENTICATED', 'unknown key'));
    },
  });
  let keys: SocketKeys;
  const begin = (): SocketKeys => (keys = new SocketKeys(auth(), (error) => troubles.push(error)));
  beforeEach(() => {
    vi.useFakeTimers();
    [good, down, required] = [new Set(['mine', 'yours']), false, true];
    troubles.length = 0;
  });
  afterEach(() => {
    keys.close();
    vi.useRealTimers();
  });

  it('are asked for at every operation, and a socket that has shown none is closed', async () => {
    const [stranger, holder, byHeader] = [open(), open(), open()];
    begin();
    await expect(keys.admit(stranger, {}, 'wrong')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(keys.check(stranger)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(stranger.closed).toEqual([4403, 'Forbidden']);
    await keys.admit(holder, {}, 'mine');
    await keys.admit(byHeader, { authorization: 'yours' }, undefined);
    await keys.check(holder);
    await keys.check(byHeader);
    good.delete('mine');
    await expect(keys.check(holder)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect([holder.closed, byHeader.closed]).toEqual([[4403, 'Forbidden'], null]);
    // what is closed has no key any more, even where it becomes good again
    good.add('mine');
    await expect(keys.check(holder)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('that are revoked close their silent sockets soon', async () => {
    const [revoked, kept] = [open(), open()];
    begin();
    await keys.admit(revoked, {}, 'mine');
    await keys.admit(kept, {}, 'yours');
    good.delete('mine');
    await vi.advanceTimersByTimeAsync(5_000);
    expect([revoked.closed, kept.closed]).toEqual([[4403, 'Forbidden'], null]);
    expect(troubles).toEqual([]);
  });

  it('are not held against anybody while the store is away', async () => {
    const socket = open();
    begin();
    await keys.admit(socket, {}, 'mine');
    down = true;
    await expect(keys.check(socket)).rejects.toMatchObject({ name: 'Unavailable' });
    await vi.advanceTimersByTimeAsync(5_000);
    expect([socket.closed, troubles.length]).toEqual([null, 1]);
    down = false;
    await keys.check(socket);
  });

  it('are forgotten with their sockets, and not looked at once all is closed, or where none are needed', async () => {
    const socket = open();
    begin();
    await keys.admit(socket, {}, 'mine');
    keys.forget(socket);
    good.clear();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.closed).toBeNull();
    keys.close();
    expect(vi.getTimerCount()).toBe(0);
    required = false;
    begin();
    expect(vi.getTimerCount()).toBe(0);
  });
});
