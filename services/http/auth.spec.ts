import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { RunTable } from '#libs/runs/run-table.js';
import { Unusable } from '#libs/domain/rejection.js';
import { createApiKey, createAuth, hashApiKey, isLoopback, keyOf } from './auth.js';
import { SecretBox } from './secret-box.js';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

/** The one thing a check asks of the run table. */
function keysOf(...keys: { keyId: string; hash: string }[]) {
  const asked = { times: 0, fail: false, keys };
  const table = {
    apiKeys: () => {
      asked.times += 1;
      if (asked.fail) return Promise.reject(new Error('the store is down'));
      return Promise.resolve(asked.keys.map((key) => ({ ...key, name: '', scopes: [], createdAt: 0 })));
    },
  } as Pick<RunTable, 'apiKeys'> as RunTable;
  return { asked, table };
}

describe('keys', () => {
  it('are found in every header that clients send them in', () => {
    expect(keyOf({ authorization: 'Bearer rs_a_b' })).toBe('rs_a_b');
    expect(keyOf({ authorization: 'bearer rs_a_b' })).toBe('rs_a_b');
    expect(keyOf({ authorization: basic('api:rs_a_b') })).toBe('rs_a_b');
    expect(keyOf({ authorization: basic('api:a:b') })).toBe('a:b');
    expect(keyOf({ authorization: basic('api:local-rs_a_b-c') })).toBe('rs_a_b-c');
    expect(keyOf({ 'x-clickhouse-key': 'rs_a_b' })).toBe('rs_a_b');
    for (const headers of [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Digest x' }])
      expect(keyOf(headers)).toBeNull();
  });

  it('are made of their own randomness and stored as a hash', () => {
    const { keyId, key, hash } = createApiKey();
    expect(key).toMatch(new RegExp(`^rs_${keyId}_[A-Za-z0-9]{24}$`));
    // what the oldest and the newest client of W&B ask of a key
    expect(key).toMatch(/^\w{40}$/);
    expect(hash).toBe(hashApiKey(key));
    expect(hash).not.toContain(key);
    expect(createApiKey().key).not.toBe(key);
  });
});

describe('on loopback', () => {
  const auth = createAuth(keysOf().table, '127.0.0.1', () => 0);

  it.each(['localhost:7171', '127.0.0.1:7171', '[::1]:7171', '127.0.0.1', undefined])(
    'lets %s in without a key',
    async (host) => {
      expect(auth.required).toBe(false);
      await auth.check({ host });
    },
  );

  it.each([
    'evil.example',
    'evil.example:7171',
    '127.0.0.1.evil.example',
    'localhost.evil.example:80',
    '127.evil.example',
  ])('refuses the name %s, which another site made to point here', async (host) => {
    await expect(auth.check({ host })).rejects.toMatchObject({ code: 'FORBIDDEN', field: 'host' });
  });

  it('is 127.0.0.0/8 and ::1, and no name that begins like it', () => {
    expect(['127.0.0.1', '127.1.2.3', 'localhost', '::1'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.evil.example', ''].map(isLoopback)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('on an address that others reach', () => {
  const made = createApiKey();
  const bearer = { authorization: `Bearer ${made.key}`, host: 'runs.example' };

  it('lets a known key in, and no other', async () => {
    const { table } = keysOf(made);
    const auth = createAuth(table, '0.0.0.0', () => 0);
    expect(auth.required).toBe(true);
    await auth.check(bearer);
    await auth.check({}, made.key);
    for (const key of [
      '',
      'x',
      `${made.key}x`,
      made.key.slice(0, -1),
      createApiKey().key,
      `rs_${made.keyId}_`,
      made.hash,
    ])
      await expect(auth.check({ authorization: `Bearer ${key}` })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(auth.check({})).rejects.toThrow(/authorization: Bearer/);
  });

  it('reads the keys once for many requests, and again soon', async () => {
    const { asked, table } = keysOf(made);
    let now = 0;
    const auth = createAuth(table, '0.0.0.0', () => now);
    await Promise.all([1, 2, 3].map(() => auth.check(bearer)));
    expect(asked.times).toBe(1);
    asked.keys = [];
    now = 2_001;
    await expect(auth.check(bearer)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('asks again at once after the store failed', async () => {
    const { asked, table } = keysOf(made);
    const auth = createAuth(table, '0.0.0.0', () => 0);
    asked.fail = true;
    await expect(auth.check(bearer)).rejects.toThrow('the store is down');
    asked.fail = false;
    await auth.check(bearer);
  });
});

describe('a pair for clients of AWS whose secret can not be read', () => {
  const keyId = `RSAK${'A'.repeat(16)}`;
  const made = new SecretBox([Buffer.alloc(32, 1)]).seal('secret', keyId);
  const boxes: readonly (readonly [string, () => SecretBox | null])[] = [
    ['was lost', () => null],
    ['is another', () => new SecretBox([Buffer.alloc(32, 2)])],
    [
      'is damaged',
      () => {
        throw new Unusable('secret.key is no key');
      },
    ],
  ];

  it.each(boxes)('is refused with the reason where the key of the installation %s', async (_how, box) => {
    const auth = createAuth(keysOf({ keyId, hash: made }).table, '127.0.0.1', Date.now, box);
    const timestamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const credential = `${keyId}/${timestamp.slice(0, 8)}/r/sagemaker/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;
    const headers = { host: '127.0.0.1', 'x-amz-date': timestamp, authorization };
    const request = { method: 'POST', url: '/sagemaker', headers, rawHeaders: Object.entries(headers).flat() };
    await expect(auth.checkSigned(request as unknown as IncomingMessage, true)).rejects.toMatchObject({
      code: 'UnrecognizedClientException',
      status: 403,
      message: expect.stringContaining('RUNSTREAM_SECRET_KEY') as string,
    });
  });
});
