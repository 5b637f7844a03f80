import { createHash } from 'node:crypto';

const keptMax = 5_000;

/** Answers by the call they belong to: a client that did not hear one tries again, and is told the same. */
export class Once<T> {
  private readonly answers = new Map<string, Promise<T>>();

  do(caller: string, invocation: string, body: Uint8Array, work: () => Promise<T>): Promise<T> {
    if (invocation === '') return work();
    const key = `${caller} ${invocation} ${createHash('sha256').update(body).digest('hex')}`;
    const known = this.answers.get(key);
    if (known) return known;
    const answer = work();
    this.answers.set(key, answer);
    // what failed may work the next time
    answer.catch(() => this.answers.delete(key));
    const oldest = this.answers.size > keptMax ? this.answers.keys().next().value : undefined;
    if (oldest !== undefined) this.answers.delete(oldest);
    return answer;
  }
}
