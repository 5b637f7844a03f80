import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';

export interface TableWatchOptions {
  readonly backend: Pick<Backend, 'families' | 'notices' | 'onBrokenTables' | 'newId'>;
  readonly logger: Logger;
  /** Fills new tables from the log, makes them live and drops the damaged ones; null: another process does. */
  readonly mend: ((projection: string, damage: readonly string[]) => Promise<unknown>) | null;
  readonly times?: TableWatchTimes;
}

export interface TableWatchTimes {
  readonly lookEveryMs: number;
  /** Who waits for others to mend looks this often whether they have. */
  readonly lookForMendedEveryMs: number;
  /** Every byte is read and compared with its checksum once at start and then this often. */
  readonly thoroughEveryMs: number;
}
const defaults: TableWatchTimes = { lookEveryMs: 20_000, lookForMendedEveryMs: 1_000, thoroughEveryMs: 24 * 3_600_000 };
const leaseMs = 30_000;
const lastLookMs = 2_000;
/** The thorough look takes at most a fifth of one core. */
const restFactor = 4;

/**
 * Looks again and again whether tables hold what they held, and has them made again from the log where they do not. A process that only
 * reads them looks too: it is not ready while they are damaged.
 */
export function watchTables({ backend, logger, mend, times = defaults }: TableWatchOptions): {
  close(): Promise<void>;
} {
  const stop = new AbortController();
  const { signal } = stop;
  const holder = backend.newId();
  let wake = (): void => undefined;
  let thorough = mend !== null;
  let othersMend = false;
  let thoroughAt = -Infinity;
  const said = new Map<string, string>();
  backend.onBrokenTables(({ projection, damage }) => {
    if (damage !== null) said.set(projection, damage);
    wake();
  });
  const rest = async (busyMs: number): Promise<void> => {
    await sleep(Math.min(busyMs * restFactor, 5_000), undefined, { signal });
  };

  const lookAt = async (family: ProjectionFamily, deep: boolean): Promise<void> => {
    const heard = said.get(family.name);
    const { live } = await family.generations();
    const damage = heard === undefined ? await family.damage(deep ? rest : undefined) : [heard];
    // tables that somebody replaced and dropped while they were looked at are not missing
    if (damage.length > 0 && heard === undefined && (await family.generations()).live !== live) return;
    const notice = `${family.name}: tables`;
    if (damage.length === 0) {
      backend.notices.over(notice);
      return;
    }
    const detail = damage.join('; ');
    othersMend ||= mend === null;
    const told = backend.notices.all().some(({ what }) => what === notice);
    if (mend !== null || !told)
      logger.warn('tables do not hold what they held; they are made again from the log', {
        projection: family.name,
        damage: detail,
      });
    backend.notices.put(notice, `they do not hold what they held (${detail}) and are being made again from the log`, {
      unready: true,
    });
    if (mend === null) return;
    if (!(await family.lease(holder, leaseMs))) return; // another process mends them
    const renewing = setInterval(() => void family.lease(holder, leaseMs).catch(() => undefined), leaseMs / 3);
    try {
      await mend(family.name, damage);
      logger.info('the damaged tables have been made again', { projection: family.name });
      backend.notices.over(notice);
      said.delete(family.name);
      await family.damage(); // keeps what the new ones hold
    } finally {
      clearInterval(renewing);
      await family.lease(holder, 0).catch(() => undefined);
    }
  };

  const watching = (async () => {
    while (!signal.aborted) {
      const deep = thorough || (mend !== null && performance.now() - thoroughAt > times.thoroughEveryMs);
      thorough = false;
      othersMend = false;
      // what names and sizes tell is known at once; reading every byte may take its time
      for (const looks of deep ? [false, true] : [false]) {
        for (const family of backend.families)
          await lookAt(family, looks).catch((error: unknown) => {
            if (signal.aborted) return;
            const waits = error instanceof Unavailable || error instanceof Rejection;
            logger[waits ? 'debug' : 'error']('tables could not be looked at or mended; tried again', {
              projection: family.name,
              error,
            });
          });
      }
      if (deep) thoroughAt = performance.now();
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, othersMend ? times.lookForMendedEveryMs : times.lookEveryMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  })();
  return {
    close: async () => {
      stop.abort();
      wake();
      await watching;
      // what was written since the last look is part of what the tables must hold at the next start
      if (mend === null) return;
      const last = Promise.all(backend.families.map((family) => family.damage().catch(() => [])));
      await Promise.race([last, sleep(lastLookMs, undefined, { ref: false })]);
    },
  };
}
