import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { createClient, ClickHouseLogLevel } from '@clickhouse/client';
import { Unavailable } from '#libs/domain/rejection.js';
import { watchAnswer } from '#libs/observability/watch-answer.js';
import { worksOn } from './clickhouse-alive.js';
import { classOfClickHouseError, MetricTablesBroken, readClickHouseError } from './clickhouse-errors.js';
import type { ClickHouseAddress } from './clickhouse-engine.js';
import { insertSettings, plain, type Placement } from './clickhouse-placement.js';
import { readNative, writeNativeBlock, type BlockColumn, type ResultColumns } from './native-block.js';

export interface QueryOptions {
  readonly signal?: AbortSignal | undefined;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** One adapter for the embedded engine and for a cluster. Every failure to reach or be served becomes `Unavailable`. */
export interface ClickHouseClient {
  readonly database: string;
  /** How its tables stand: what `engineOf` and `onCluster` make of a statement. */
  readonly placement: Placement;
  /** Rows of a read-only query as columns; the query stops when the signal aborts. */
  query(sql: string, options?: QueryOptions): Promise<ResultColumns>;
  /** A statement without a result. */
  command(sql: string, settings?: Readonly<Record<string, string | number>>): Promise<void>;
  /** One Native block; resolves when the server has it on disk. */
  insertNative(table: string, columns: readonly BlockColumn[], rows: number): Promise<void>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Where the server is now; throws `Unavailable` while it is down. The embedded engine's port changes with each restart. */
  readonly address: () => ClickHouseAddress;
  readonly placement?: Placement;
  readonly connectionsMax?: number;
  readonly requestTimeoutMs?: number;
  /** Told when the server says that tables are missing, or that files under them are damaged. */
  readonly onBroken?: (damage: string | null) => void;
}

/** Of one query, as the server holds it; more is refused. The largest is a band: 12 bytes for each bucket and rank, 240 MB of 20,000 ranks. */
const resultBytesMax = 1_000_000_000;

type Driver = ReturnType<typeof createClient>;

export function openClickHouseClient(options: ClientOptions): ClickHouseClient {
  return new HttpClickHouseClient(options, options.address().database, options.placement ?? plain);
}

class HttpClickHouseClient implements ClickHouseClient {
  #current: { readonly url: string; readonly driver: Driver } | null = null;

  constructor(
    readonly options: ClientOptions,
    readonly database: string,
    readonly placement: Placement,
  ) {}

  async query(sql: string, options: QueryOptions = {}): Promise<ResultColumns> {
    return this.#guarded(async ({ driver, queryId, signal, heard }) => {
      const result = await driver.exec({
        query: `${sql} FORMAT Native`,
        query_id: queryId,
        abort_signal: signal,
        ...(options.params && { query_params: options.params }),
        clickhouse_settings: {
          // read-only so that the server stops the query when we hang up; whole result first so that errors have a status
          readonly: '2',
          cancel_http_readonly_queries_on_client_close: 1,
          wait_end_of_query: 1,
          // held in memory: the temporary file it would wait in is cut short without an error when the disk is full, even to no rows
          http_response_buffer_size: String(resultBytesMax * 2),
          max_result_bytes: String(resultBytesMax),
          ...options.settings,
        },
      });
      const chunks: Buffer[] = [];
      for await (const chunk of result.stream) {
        chunks.push(chunk as Buffer);
        heard();
      }
      return readNative(Buffer.concat(chunks));
    }, options.signal);
  }

  async command(sql: string, settings: Readonly<Record<string, string | number>> = {}): Promise<void> {
    await this.#guarded(({ driver, queryId, signal }) =>
      driver.command({ query: sql, query_id: queryId, abort_signal: signal, clickhouse_settings: settings }),
    );
  }

  async insertNative(table: string, columns: readonly BlockColumn[], rows: number): Promise<void> {
    if (rows === 0) return;
    await this.#guarded(async ({ driver, queryId, signal }) => {
      const result = await driver.exec({
        query_id: queryId,
        abort_signal: signal,
        query: `INSERT INTO ${table} (${columns.map((column) => column.name).join(', ')}) FORMAT Native`,
        values: Readable.from(writeNativeBlock(columns, rows)),
        // dedup tokens lose acknowledged data on kill -9; replacing rows while inserting costs twice the insert, and merges do it anyway
        clickhouse_settings: {
          insert_deduplicate: 0,
          async_insert: 0,
          optimize_on_insert: 0,
          ...insertSettings(this.placement),
        },
      });
      // the server has answered; what is left of the body must be read so that the connection can be used again
      result.stream.resume();
    });
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    await current?.driver.close();
  }

  get #timeoutMs(): number {
    return this.options.requestTimeoutMs ?? 120_000;
  }

  #driver(): Driver {
    const address = this.options.address();
    if (this.#current?.url !== address.url) {
      void this.#current?.driver.close();
      const driver = createClient({
        url: address.url,
        username: address.username,
        password: address.password,
        database: address.database,
        max_open_connections: this.options.connectionsMax ?? 16,
        request_timeout: this.#timeoutMs,
        keep_alive: { enabled: true, idle_socket_ttl: 10_000 },
        log: { level: ClickHouseLogLevel.OFF },
      });
      this.#current = { url: address.url, driver };
    }
    return this.#current.driver;
  }

  async #guarded<T>(work: (question: Question) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const lost = new AbortController();
    const queryId = randomUUID();
    let reason = '';
    let bytesHeard = false;
    try {
      const driver = this.#driver();
      const address = this.options.address();
      const question: Question = {
        driver,
        queryId,
        signal: signal ? AbortSignal.any([signal, lost.signal]) : lost.signal,
        heard: () => (bytesHeard = true),
      };
      return await watchAnswer(work(question), {
        alive: async () => {
          if (bytesHeard) return !(bytesHeard = false);
          return worksOn(queryId, address, this.placement.replicated);
        },
        giveUp: (why) => {
          reason = why;
          lost.abort();
        },
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (lost.signal.aborted) throw new Unavailable(`ClickHouse can't be reached: ${reason}`, 500, { cause: error });
      const known = readClickHouseError(error, { resultBytesMax, requestTimeoutMs: this.#timeoutMs });
      if (known instanceof MetricTablesBroken)
        this.options.onBroken?.(classOfClickHouseError(known.code) === 'damaged' ? known.message : null);
      throw known;
    }
  }
}

interface Question {
  readonly driver: Driver;
  readonly queryId: string;
  readonly signal: AbortSignal;
  /** Bytes of the answer have come. */
  readonly heard: () => void;
}
