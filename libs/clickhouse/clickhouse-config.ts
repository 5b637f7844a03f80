export interface EngineUser {
  readonly username: string;
  readonly password: string;
}

export interface EngineSettings {
  readonly dir: string;
  readonly database: string;
  readonly app: EngineUser;
  /** Whoever types SQL at us: reads the friendly views only, in small doses. */
  readonly sql: EngineUser;
  /** Views that `sql` may read. */
  readonly views: readonly string[];
  readonly memoryBytesMax: number;
  readonly threadsMax: number;
}

const basic = (user: EngineUser): string => Buffer.from(`${user.username}:${user.password}`).toString('base64');
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/**
 * The local session's user `default` has no password, so only these exact Authorization headers reach a query handler. (A holder
 * of one can still become `default` by `?user=default` in the URL: hence its grants are next to none, and no caller shapes our URL.)
 */
export function configXml(settings: EngineSettings): string {
  const dir = escape(settings.dir);
  const rule = (user: EngineUser): string => `
    <rule><url>/</url><headers><Authorization>Basic ${basic(user)}</Authorization></headers>
      <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler></rule>`;
  return `<clickhouse>
  <log-level>warning</log-level>
  <logger><log>${dir}/clickhouse.log</log><size>50M</size><count>2</count></logger>
  <users_config>${dir}/users.xml</users_config>
  <default_profile>default</default_profile>
  <http_handlers>
    <rule><url>/ping</url><methods>GET,HEAD</methods><handler><type>ping</type></handler></rule>${rule(settings.app)}${rule(settings.sql)}
  </http_handlers>
  <access_control_improvements><settings_constraints_replace_previous>true</settings_constraints_replace_previous></access_control_improvements>
  <shutdown_wait_unfinished>1</shutdown_wait_unfinished>
  <keep_alive_timeout>30</keep_alive_timeout>
  <max_server_memory_usage>${settings.memoryBytesMax}</max_server_memory_usage>
  <mark_cache_size>134217728</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <background_pool_size>2</background_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`;
}

const engines = ['MergeTree', 'ReplacingMergeTree', 'AggregatingMergeTree', 'Memory'];

export function usersXml(settings: EngineSettings): string {
  const { database, app, sql } = settings;
  const grants = (queries: readonly string[]): string =>
    `<grants>${queries.map((query) => `<query>${query}</query>`).join('')}</grants>`;
  const user = (who: EngineUser, profile: string, queries: readonly string[]): string => `
    <${who.username}><password>${escape(who.password)}</password><networks><ip>127.0.0.1</ip></networks>
      <profile>${profile}</profile><quota>default</quota>${grants(queries)}</${who.username}>`;
  return `<clickhouse>
  <profiles>
    <default><max_threads>${settings.threadsMax}</max_threads></default>
    <app><max_threads>${settings.threadsMax}</max_threads><async_insert>0</async_insert><implicit_select>0</implicit_select></app>
    <sql>${sqlLimits(settings.threadsMax)}</sql>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default><no_password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
      ${grants(['GRANT SYSTEM LISTEN ON *.*', 'GRANT SELECT ON system.numbers'])}</default>${user(app, 'app', [
        `GRANT SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, CHECK, SHOW ON ${database}.*`,
        'GRANT SELECT ON system.*',
        'GRANT KILL QUERY, CREATE TEMPORARY TABLE ON *.*',
        `GRANT SET DEFINER ON ${app.username}`,
        `GRANT ${engines.map((engine) => `TABLE ENGINE ON ${engine}`).join(', ')}`,
      ])}${user(
        sql,
        'sql',
        settings.views.map((view) => `GRANT SELECT ON ${database}.${view}`),
      )}
  </users>
</clickhouse>
`;
}

/** Limits of user SQL; with readonly = 1 a query can't change any of them but lower `lowerableLimits`. */
export const sqlSettings = {
  readonly: 1,
  implicit_select: 0,
  max_execution_time: 10,
  max_memory_usage: 1_000_000_000,
  // checked against what the plan could read before join filters narrow it: far above what a store holds; time and memory are the limits
  max_rows_to_read: 50_000_000_000,
  max_result_rows: 1_000_000,
  max_result_bytes: 100_000_000,
  max_concurrent_queries_for_user: 4,
  allow_introspection_functions: 0,
  cancel_http_readonly_queries_on_client_close: 1,
  // a view that joins the key dictionary uses the primary key only with this
  enable_join_runtime_filters: 1,
  enable_join_runtime_filters_index_analysis: 1,
  // points are aggregated in the order they lie in: megabytes instead of a gigabyte for some million points
  optimize_aggregation_in_order: 1,
  optimize_group_by_function_keys: 0,
} as const;

/** Limits that whoever asks may lower; 0 would be none. */
export const lowerableLimits = [
  'max_execution_time',
  'max_rows_to_read',
  'max_result_rows',
  'max_result_bytes',
  'max_memory_usage',
] as const;

function sqlLimits(threadsMax: number): string {
  const settings = Object.entries({ ...sqlSettings, max_threads: threadsMax }).map(
    ([name, value]) => `<${name}>${value}</${name}>`,
  );
  const constraints = lowerableLimits.map(
    (name) => `<${name}><changeable_in_readonly/><min>1</min><max>${sqlSettings[name]}</max></${name}>`,
  );
  return `${settings.join('')}<constraints>${constraints.join('')}</constraints>`;
}
