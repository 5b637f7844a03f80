import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { tableNames, tableOf } from './clickhouse-schema.js';

/**
 * Hash of what the tables say, whatever is merged yet: per table the number of rows after merging, the sum and the exclusive or of
 * their hashes, which do not depend on the order of rows.
 */
export async function digestTables(client: ClickHouseClient, generation: number): Promise<string> {
  const parts = await Promise.all(
    tableNames.map(async (name) => {
      const rows = await client.query(
        `SELECT toString(count()) AS n, hex(groupBitXor(hash)) AS a, hex(sum(hash)) AS b
         FROM (SELECT cityHash64(*) AS hash FROM ${tableOf(generation, name)} FINAL)`,
      );
      return `${name}:${rows.texts('n')[0]}:${rows.texts('a')[0]}:${rows.texts('b')[0]}`;
    }),
  );
  return parts.join(' ');
}
