import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const check = Symbol('body check');
type Checked = IncomingMessage & { [check]?: (sha256: string) => void };

/** The body of this request must be what was signed: `onHash` throws where it is not. Whoever reads it, and only after all of it has come. */
export function expectBody(request: IncomingMessage, onHash: (sha256: string) => void): void {
  (request as Checked)[check] = onHash;
}

/** Sees the body pass by; null where nobody signed it. */
export function bodyCheckOf(request: IncomingMessage): { update(chunk: Buffer): void; end(): void } | null {
  const onHash = (request as Checked)[check];
  if (!onHash) return null;
  const hash: Hash = createHash('sha256');
  return {
    update: (chunk) => void hash.update(chunk),
    end: () => onHash(hash.digest('hex')),
  };
}
