import { Rejection } from '#libs/domain/rejection.js';

/** Bytes of all bodies that are being read or worked on, at every door together. */
export const bodiesBytesMax = 256 * 1024 * 1024;
/** Of them large bodies get no more than this: those that hold more than `smallBytes`. The rest is for everybody else. */
const largeBytesMax = 192 * 1024 * 1024;
const smallBytes = 1024 * 1024;

/** What one body holds. */
export interface Lease {
  /** Takes what has arrived; throws when there is no room, and the sender is told to come back. */
  take(bytes: number): void;
  release(): void;
}

/** Memory of bodies, taken by what has come and not by what a header claims. */
export class BodyBudget {
  #bytes = 0;
  #large = 0;

  lease(): Lease {
    let held = 0;
    return {
      take: (bytes) => {
        const large = Math.max(0, held + bytes - smallBytes) - Math.max(0, held - smallBytes);
        if (this.#bytes + bytes > bodiesBytesMax || this.#large + large > largeBytesMax) {
          throw new Rejection(
            'LIMIT_EXCEEDED',
            `more than ${bodiesBytesMax} bytes are being taken right now; try again in a moment`,
          );
        }
        this.#bytes += bytes;
        this.#large += large;
        held += bytes;
      },
      release: () => {
        this.#bytes -= held;
        this.#large -= Math.max(0, held - smallBytes);
        held = 0;
      },
    };
  }
}
