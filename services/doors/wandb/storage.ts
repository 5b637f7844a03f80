import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Backend } from '#libs/backend/backend.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import { manifestKinds, type StoredManifest } from './artifacts/artifact-records.js';

/** Long enough for what a client sends late: it asks once and uploads when it comes to it. */
const goodForMs = 24 * 3_600_000;

/** What an address lets somebody do who brings no key. */
export type Permit =
  | { readonly may: 'put'; readonly world: string; readonly run: string; readonly name: string }
  /** A file of an artifact, known by its MD5; a manifest of one. */
  | { readonly may: 'content'; readonly world: string; readonly md5: string; readonly name: string }
  | ManifestPermit
  | { readonly may: 'get'; readonly digest: string; readonly name: string };
export interface ManifestPermit {
  readonly may: 'manifest';
  readonly world: string;
  readonly artifact: string;
  readonly kind: StoredManifest['kind'];
  readonly base: string | null;
  readonly md5: string;
  readonly name: string;
}

/**
 * Clients PUT and GET files without their key, so the address itself is the permission. It is signed with what the run tables keep of the
 * key of whoever asked for it: every process can check it, and it is void when the key is revoked.
 */
export class Storage {
  constructor(
    private readonly backend: Backend,
    private readonly keysNeeded: boolean,
  ) {}

  async address(base: string, keyId: string | null, permit: Permit): Promise<string> {
    const said = Buffer.from(JSON.stringify({ ...permit, until: this.backend.clock() + goodForMs, key: keyId }));
    const text = said.toString('base64url');
    const signature = this.keysNeeded ? sign(text, await this.secretOf(keyId ?? '')) : 'open';
    const name = permit.name.slice(permit.name.lastIndexOf('/') + 1);
    return `${base}/storage/${text}/${signature}/${encodeURIComponent(name.slice(-100))}`;
  }

  /** Refuses what was not signed here, or is too old. */
  async read(path: string): Promise<Permit> {
    const [text = '', signature = ''] = path.split('/');
    const said = jsonOf(Buffer.from(text, 'base64url').toString('utf8'));
    if (!isObject(said) || typeof said['until'] !== 'number') throw forbidden('the address is not one of this server');
    if (this.keysNeeded) {
      const right = Buffer.from(sign(text, await this.secretOf(String(said['key']))));
      const given = Buffer.from(signature);
      if (right.length !== given.length || !timingSafeEqual(right, given))
        throw forbidden('the address was not made here');
    }
    if (said['until'] < this.backend.clock()) throw forbidden('the address was good for a day; ask for another');
    if (!isPermit(said)) throw forbidden('the address says neither what to put nor what to get');
    return said;
  }

  private async secretOf(keyId: string): Promise<string> {
    const found = (await this.backend.runTable.apiKeys()).find((each) => each.keyId === keyId);
    if (!found) throw forbidden('the key that the address was made for is revoked');
    return found.hash;
  }
}

/** Also where nobody has to sign: an address that somebody wrote by hand holds anything. */
const isPermit = (said: object): said is Permit => {
  const { may, base, ...fields } = said as Readonly<Record<string, unknown>>;
  const texts = (...names: readonly string[]): boolean => names.every((name) => typeof fields[name] === 'string');
  switch (may) {
    case 'put':
      return texts('name', 'world', 'run');
    case 'content':
      return texts('name', 'world', 'md5');
    case 'manifest': {
      const known = manifestKinds.some((kind) => kind === fields['kind']);
      return texts('name', 'world', 'md5', 'artifact') && known && (base === null || typeof base === 'string');
    }
    default:
      return may === 'get' && texts('name', 'digest');
  }
};

const sign = (text: string, secret: string): string => createHmac('sha256', secret).update(text).digest('base64url');
const forbidden = (message: string): Rejection => new Rejection('FORBIDDEN', `storage: ${message}`, 'storage');
