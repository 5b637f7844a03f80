import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Rejection } from '#libs/domain/rejection.js';
import type { RunTable } from '#libs/runs/run-table.js';
import type { SecretBox } from './secret-box.js';
import { presign, type Presign } from './presigned.js';
import { checkSigned, secretOf } from './signatures.js';

/** `rs_<key id>_<secret>`; only a hash of it is ever stored. */
export interface NewApiKey {
  readonly keyId: string;
  readonly key: string;
  readonly hash: string;
}

// the secret has 142 bits of its own, so a plain hash can't be guessed and checking stays cheap on every request
export const hashApiKey = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/** A pair for clients of AWS: its secret is sealed, for a signature is checked by making it again. */
export interface NewAwsKey {
  readonly keyId: string;
  readonly secret: string;
  readonly sealed: string;
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
export function createAwsKey(box: SecretBox, random: (bytes: number) => Buffer = randomBytes): NewAwsKey {
  const keyId = `RSAK${[...random(16)].map((byte) => base32[byte % 32]).join('')}`;
  const secret = random(30).toString('base64');
  return { keyId, secret, sealed: box.seal(secret, keyId, random) };
}

/** 40 characters in all and no "-" among them: every version of W&B's client takes such a key, and no other. */
const secretChars = 24;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function createApiKey(): NewApiKey {
  const keyId = randomBytes(6).toString('hex');
  const secret = Array.from({ length: secretChars }, () => alphabet[randomInt(alphabet.length)]).join('');
  const key = `rs_${keyId}_${secret}`;
  return { keyId, key, hash: hashApiKey(key) };
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);
export const isLoopback = (host: string): boolean => loopbackNames.has(host) || /^127(\.\d{1,3}){3}$/.test(host);

/** How long a revoked key may still be let in by a process that has not looked again. */
const keysFreshMs = 2_000;

export interface Auth {
  readonly required: boolean;
  /**
   * Refuses a request without a valid key where keys are required, and one that reached loopback under a foreign name. Gives the id of
   * the key, null where none is required.
   */
  check(headers: IncomingHttpHeaders, given?: string): Promise<string | null>;
  /** The same for a request that is signed as AWS's clients do it; refuses with an `AwsError`. */
  checkSigned(request: IncomingMessage, bodyIsRead: boolean): Promise<string | null>;
  /** The query of an address that its holder may use for a while as if this pair had signed. */
  presign(asked: Omit<Presign, 'secret' | 'nowMs'>): Promise<string>;
}

/** What sockets ask: they show keys only. */
export type KeyAuth = Pick<Auth, 'required' | 'check'>;
/** What doors ask, behind the gate. */
export type DoorAuth = KeyAuth & Pick<Auth, 'presign'>;

export function createAuth(
  runTable: RunTable,
  host: string,
  clock: () => number,
  box: () => SecretBox | null = () => null,
): Auth {
  const required = !isLoopback(host);
  let known: { readonly at: number; readonly keys: Promise<ReadonlyMap<string, string>> } | null = null;
  const keys = (): Promise<ReadonlyMap<string, string>> => {
    const now = clock();
    if (!known || now - known.at > keysFreshMs) {
      known = {
        at: now,
        keys: runTable.apiKeys().then((rows) => new Map(rows.map(({ keyId, hash }) => [keyId, hash]))),
      };
      known.keys.catch(() => (known = null));
    }
    return known.keys;
  };
  return {
    required,
    async checkSigned(request, bodyIsRead) {
      if (!required) checkName(request.headers);
      return checkSigned(request, { keys, box, clock, required, bodyIsRead });
    },
    async presign(asked) {
      return presign({ ...asked, secret: secretOf(await keys(), box, asked.accessKeyId), nowMs: clock() });
    },
    async check(headers, given) {
      if (!required) {
        checkName(headers);
        return null;
      }
      const key = given ?? keyOf(headers);
      if (key === null)
        throw new Rejection('UNAUTHENTICATED', 'an API key is needed: authorization: Bearer rs_…', 'authorization');
      const keyId = /^rs_([0-9a-f]{12})_/.exec(key)?.[1] ?? '';
      const stored = (await keys()).get(keyId);
      if (stored === undefined || !sameText(stored, hashApiKey(key))) {
        throw new Rejection('UNAUTHENTICATED', 'the API key is not known here, or was revoked', 'authorization');
      }
      return keyId;
    },
  };
}

/** A web page of another site may have its name resolve to 127.0.0.1: such a request names that site. */
function checkName(headers: IncomingHttpHeaders): void {
  const name = (headers.host ?? '').replace(/:\d+$/, '');
  if (name === '' || isLoopback(name)) return;
  throw new Rejection(
    'FORBIDDEN',
    `host "${name}" is not this machine; open http://127.0.0.1 or set RUNSTREAM_HOST and use API keys`,
    'host',
  );
}

/** From `authorization: Bearer`, or as the password of Basic (what ClickHouse and W&B clients send), or ClickHouse's own header. */
export function keyOf(headers: IncomingHttpHeaders): string | null {
  // "local-rs_…": the prefix that W&B's client wants before a key in which there is a "-"
  return givenKey(headers)?.replace(/^[a-z]+-(?=rs_)/, '') ?? null;
}

function givenKey(headers: IncomingHttpHeaders): string | null {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ');
  if (/^bearer$/i.test(scheme) && value !== '') return value;
  if (/^basic$/i.test(scheme))
    return Buffer.from(value, 'base64')
      .toString('utf8')
      .replace(/^[^:]*:/, '');
  const clickhouse = headers['x-clickhouse-key'];
  return typeof clickhouse === 'string' ? clickhouse : null;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
