import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface CheckpointWatch {
  /** Stops, and says where a position or an epoch went back. */
  close(): Promise<readonly string[]>;
}

/** Looks at all stored checkpoints again and again, whatever else happens to their database. */
export function watchCheckpoints(url: string): CheckpointWatch {
  const highest = new Map<string, { readonly epoch: number; readonly position: number }>();
  const wrong: string[] = [];
  let open = true;
  const look = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      while (open) {
        const { rows } = await client.query<Record<'projection' | 'partition' | 'epoch' | 'position', string>>(
          'select projection, partition, epoch, position from runstream.checkpoints',
        );
        for (const row of rows) {
          const name = `${row.projection} ${row.partition}`;
          const now = { epoch: Number(row.epoch), position: Number(row.position) };
          const before = highest.get(name);
          if (before && (now.position < before.position || now.epoch < before.epoch))
            wrong.push(`${name} went back from ${JSON.stringify(before)} to ${JSON.stringify(now)}`);
          highest.set(name, now);
        }
        await sleep(50);
      }
    } catch {
      // the database is one of those that are killed
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const looking = (async () => {
    while (open) {
      await look();
      await sleep(100);
    }
  })();
  return {
    close: async () => {
      open = false;
      await looking;
      if (highest.size === 0) wrong.push('no checkpoint was ever seen');
      return wrong;
    },
  };
}
