/** How tables stand on a server: as they are, or as replicas that a cluster keeps the same. */
export interface Placement {
  /** Whose hosts run each statement that changes tables; null: only the one we speak to. */
  readonly cluster: string | null;
  readonly replicated: boolean;
}

/** One server, or the embedded engine. */
export const plain: Placement = { cluster: null, replicated: false };

/**
 * A MergeTree engine of a table. Replicas find each other by a path that the table's name gives: a host that joins later makes its table with
 * the same one. The macros {shard} and {replica} are the server's own configuration, {database} and {table} ClickHouse's.
 */
export function engineOf({ replicated }: Placement, kind: string, ...args: readonly string[]): string {
  const own = replicated ? ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'"] : [];
  const all = [...own, ...args];
  return `${replicated ? 'Replicated' : ''}${kind}${all.length === 0 ? '' : `(${all.join(', ')})`}`;
}

/** What stands behind the name of a table or view in a statement that changes it. */
export const onCluster = ({ cluster }: Placement): string => (cluster === null ? '' : ` ON CLUSTER \`${cluster}\``);

/** Settings of those statements: a replica that is down is not waited for, it catches up by itself. */
export const placementSettings = ({ cluster }: Placement): Readonly<Record<string, string>> =>
  cluster === null ? {} : { distributed_ddl_output_mode: 'none_only_active', distributed_ddl_task_timeout: '60' };

/** Settings of every insert: what is answered is on most replicas, so that losing one host loses nothing that a checkpoint counts. */
export const insertSettings = ({ replicated }: Placement): Readonly<Record<string, string>> =>
  replicated ? { insert_quorum: 'auto', insert_quorum_parallel: '1', insert_quorum_timeout: '60000' } : {};
