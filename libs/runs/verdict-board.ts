import { Rejection } from '#libs/domain/rejection.js';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import type { Verdict } from './run-table.js';

export const readVerdict = (verdict: FoldVerdict): Verdict =>
  verdict.accepted
    ? verdict
    : { accepted: false, rejection: new Rejection(verdict.code, verdict.message, verdict.field ?? undefined) };

/** Who waits in this process for the verdict of an event: told at once by the projection here, else found by looking. */
export class VerdictBoard {
  private readonly waiting = new Map<string, Set<(verdict: Verdict | 'look') => void>>();

  /** Called by the projection after its transaction is committed. */
  publish(verdicts: ReadonlyMap<string, { readonly verdict: FoldVerdict }>): void {
    if (this.waiting.size === 0) return;
    for (const [eventId, { verdict }] of verdicts)
      for (const resolve of this.waiting.get(eventId) ?? []) resolve(readVerdict(verdict));
  }

  /** Another process has stored the verdicts of these events: who waits for one looks now. */
  nudge(eventIds: readonly string[]): void {
    for (const eventId of eventIds) for (const resolve of this.waiting.get(eventId) ?? []) resolve('look');
  }

  /** The verdict, or null after the time-out. `look` reads the stored one: another process may have folded the event. */
  async wait(
    eventId: string,
    look: (eventId: string) => Promise<Verdict | null>,
    { timeoutMs, lookEveryMs = 250 }: { timeoutMs: number; lookEveryMs?: number },
  ): Promise<Verdict | null> {
    const listeners = this.waiting.get(eventId) ?? new Set();
    this.waiting.set(eventId, listeners);
    let tell: (verdict: Verdict | 'look') => void = () => undefined;
    let published = new Promise<Verdict | 'look'>((resolve) => (tell = resolve));
    const told = (verdict: Verdict | 'look'): void => tell(verdict);
    listeners.add(told);
    const timers = new Set<NodeJS.Timeout>();
    const pause = (ms: number): Promise<null> =>
      new Promise((resolve) => timers.add(setTimeout(() => resolve(null), ms)));
    try {
      const end = pause(timeoutMs).then(() => 'end' as const);
      for (;;) {
        const found = await look(eventId);
        if (found) return found;
        const next: Verdict | 'look' | 'end' | null = await Promise.race([published, end, pause(lookEveryMs)]);
        if (next === 'end') return await look(eventId);
        if (next === 'look') published = new Promise((resolve) => (tell = resolve));
        else if (next !== null) return next;
      }
    } finally {
      for (const timer of timers) clearTimeout(timer);
      listeners.delete(told);
      if (listeners.size === 0) this.waiting.delete(eventId);
    }
  }
}
