import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** Texts that must be read again, sealed with a key of the installation. The first key seals; every one opens what it sealed. */
export class SecretBox {
  private readonly keys: readonly { readonly id: string; readonly key: Buffer }[];

  constructor(keys: readonly Buffer[]) {
    this.keys = keys.map((key) => ({ id: createHash('sha256').update(key).digest('hex').slice(0, 8), key }));
  }

  /** `about` is bound to the text: sealed for one name it does not open for another. */
  seal(text: string, about: string, random: (bytes: number) => Buffer = randomBytes): string {
    const { id, key } = this.keys[0]!;
    const iv = random(ivBytes);
    const sealing = createCipheriv(cipher, key, iv).setAAD(Buffer.from(about));
    const bytes = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
    return `sealed:${id}:${Buffer.concat([iv, sealing.getAuthTag(), bytes]).toString('base64url')}`;
  }

  /** null: it is no sealed text, or none of our keys sealed it for this name. */
  open(sealed: string, about: string): string | null {
    const [, id, body] = /^sealed:([0-9a-f]{8}):([\w-]+)$/.exec(sealed) ?? [];
    const key = this.keys.find((each) => each.id === id)?.key;
    if (key === undefined || body === undefined) return null;
    const bytes = Buffer.from(body, 'base64url');
    if (bytes.length < ivBytes + tagBytes) return null;
    const opening = createDecipheriv(cipher, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(about))
      .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    try {
      return Buffer.concat([opening.update(bytes.subarray(ivBytes + tagBytes)), opening.final()]).toString('utf8');
    } catch {
      return null; // another key, another name, or changed bytes: it is not ours
    }
  }
}
