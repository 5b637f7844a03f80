import { writeFile } from 'node:fs/promises';
import { columnsType, readColumns } from './columns.js';
import { mediaQuestion, ReadMedia, type MediaPage } from './read-media.js';
import { HttpClient } from './http-client.js';

/** The server refused the question, or could not be asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
}

const runFields = `id name project group jobType user notes status statusReason startedAt endedAt durationMs worldSize
  tags { key value } labels params { key value } summary { key last } summarySet { key value }`;
const runsPage = 100;
const pointsPage = 50_000;
const keysPage = 50_000;
const artifactsPage = 20_000;

interface Pair {
  readonly key: string;
  readonly value: unknown;
}
interface RawRun {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly status: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly durationMs: number;
  readonly notes: string;
  readonly labels: readonly string[];
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly params: readonly Pair[];
  readonly summary: readonly { readonly key: string; readonly last: number | string | null }[];
  readonly summarySet: readonly Pair[];
}
interface PointsPage {
  readonly step: ArrayLike<number>;
  readonly rank: ArrayLike<number>;
  readonly value: ArrayLike<number | string>;
  readonly time: ArrayLike<number | string>;
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
}

/** Columns of equal length in order of step and rank. */
export interface Points {
  readonly step: Float64Array;
  readonly rank: Float64Array;
  /** NaN and infinities are what they are. */
  readonly value: Float64Array;
  /** Unix ms. */
  readonly time: Float64Array;
}

/** A file of a run. */
export interface ReadArtifact {
  readonly name: string;
  readonly type: string;
  /** "sha256:" and 64 hexadecimal digits. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mime: string | null;
  readonly step: number | null;
  /** From 1. */
  readonly version: number | null;
  /** Unix ms. */
  readonly loggedAt: number;
}

/** Reads runs back, over GraphQL. Everything it gives is as the server has it now; every call rejects with an `ApiError` when it is refused. */
export class Api {
  readonly #client: HttpClient;

  /** `url`: RUNSTREAM_URL when not given, else http://127.0.0.1:7171; `apiKey`: RUNSTREAM_API_KEY. Throws a RangeError for a wrong address. */
  constructor(options: { readonly url?: string; readonly apiKey?: string } = {}) {
    const url = options.url ?? process.env['RUNSTREAM_URL'] ?? 'http://127.0.0.1:7171';
    this.#client = new HttpClient(url, options.apiKey ?? process.env['RUNSTREAM_API_KEY']);
  }

  /** Asks a GraphQL question, and gives its data; columns are lists, in which NaN and infinities are named. */
  query<Data = Record<string, unknown>>(
    text: string,
    variables: Readonly<Record<string, unknown>> = {},
  ): Promise<Data> {
    return this.#ask<Data>(text, variables, 'application/json');
  }

  /** All matching runs, fetched page by page as they are used. `filter` and `orderBy` as on the page: "metrics.loss < 0.3", "metrics.loss asc". */
  async *runs(
    search: { project?: string; filter?: string; orderBy?: string } = {},
  ): AsyncGenerator<ReadRun, void, undefined> {
    const text = `query($project: String, $filter: String, $orderBy: String, $first: Int, $after: String) {
      runs(project: $project, filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        nodes { ${runFields} } pageInfo { hasNextPage endCursor } } }`;
    let after: string | null = null;
    do {
      const page: { nodes: RawRun[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } = (
        await this.query<{ runs: { nodes: RawRun[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } }>(
          text,
          {
            ...search,
            first: runsPage,
            after,
          },
        )
      ).runs;
      for (const node of page.nodes) yield this.#read(node);
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
  }

  /** The run of that id. */
  async run(id: string): Promise<ReadRun> {
    const { run } = await this.query<{ run: RawRun | null }>(`query($id: ID!) { run(id: $id) { ${runFields} } }`, {
      id,
    });
    if (run === null) throw new ApiError(`there is no run "${id}"`);
    return this.#read(run);
  }

  /** Closes its connections. */
  close(): void {
    this.#client.close();
  }

  readonly #read = (raw: RawRun): ReadRun =>
    new ReadRun(
      raw,
      (text, variables) => this.#ask(text, variables, `${columnsType}, application/json`),
      (path) => this.#bytes(path),
    );

  async #ask<Data>(query: string, variables: Readonly<Record<string, unknown>>, accept: string): Promise<Data> {
    let answer: { data?: Data | null; errors?: { message: string }[] };
    try {
      const headers = { 'content-type': 'application/json', accept };
      const { body, headers: said } = await this.#client.request(
        'POST',
        '/graphql',
        JSON.stringify({ query, variables }),
        headers,
      );
      const binary = said['content-type']?.startsWith(columnsType) === true;
      answer = (binary ? readColumns(body) : JSON.parse(body.toString('utf8'))) as typeof answer;
    } catch (error) {
      throw new ApiError(`no answer from the server: ${(error as Error).message}`, { cause: error });
    }
    if (answer.errors?.length) throw new ApiError(answer.errors.map(({ message }) => message).join('; '));
    if (answer.data === undefined || answer.data === null) throw new ApiError('the server answered without data');
    return answer.data;
  }

  async #bytes(path: string): Promise<Buffer> {
    const { status, body } = await this.#client.request('GET', path).catch((error: unknown) => {
      throw new ApiError(`no answer from the server: ${(error as Error).message}`, { cause: error });
    });
    if (status !== 200) throw new ApiError(`${path}: the server answered ${status}`);
    return body;
  }
}

type Ask = <Data>(text: string, variables: Readonly<Record<string, unknown>>) => Promise<Data>;

/** A run as it was when it was asked for. */
export class ReadRun {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  /** RUNNING, FINISHED, FAILED, KILLED or LOST. */
  readonly status: string;
  readonly notes: string;
  /** Unix ms. */
  readonly startedAt: number;
  /** Unix ms; null: it goes on. */
  readonly endedAt: number | null;
  readonly durationMs: number;
  readonly labels: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** The last value of each metric, and what was set. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly #ask: Ask;
  readonly #bytes: (path: string) => Promise<Buffer>;

  /** Made by `Api`. */
  constructor(raw: RawRun, ask: Ask, bytes: (path: string) => Promise<Buffer>) {
    ({ id: this.id, name: this.name, project: this.project, status: this.status, notes: this.notes } = raw);
    ({ startedAt: this.startedAt, endedAt: this.endedAt, durationMs: this.durationMs, labels: this.labels } = raw);
    this.tags = Object.fromEntries(raw.tags.map(({ key, value }) => [key, value]));
    this.params = Object.fromEntries(raw.params.map(({ key, value }) => [key, value]));
    const last = raw.summary.map(({ key, last: value }) => [key, value === null ? null : Number(value)] as const);
    this.summary = Object.fromEntries([...last, ...raw.summarySet.map(({ key, value }) => [key, value] as const)]);
    this.#ask = ask;
    this.#bytes = bytes;
  }

  /** The names of all its metrics. */
  async keys(): Promise<string[]> {
    const text =
      'query($id: ID!, $first: Int, $after: String) { run(id: $id) { metricKeys(first: $first, after: $after) } }';
    const found: string[] = [];
    for (;;) {
      const page: { run: { metricKeys: string[] } } = await this.#ask(text, {
        id: this.id,
        first: keysPage,
        after: found.at(-1) ?? null,
      });
      found.push(...page.run.metricKeys);
      if (page.run.metricKeys.length < keysPage) return found;
    }
  }

  /** Every point of a metric: of rank 0, of another one, or of all with `rank: null`. */
  async history(key: string, options: { readonly rank?: number | null } = {}): Promise<Points> {
    const text = `query($id: ID!, $key: String!, $rank: Int, $first: Int, $after: String) { run(id: $id) {
      points(key: $key, rank: $rank, first: $first, after: $after) { step rank value time endCursor hasNextPage } } }`;
    const pages: PointsPage[] = [];
    let after: string | null = null;
    do {
      const variables: Readonly<Record<string, unknown>> = {
        id: this.id,
        key,
        rank: options.rank === undefined ? 0 : options.rank,
        first: pointsPage,
        after,
      };
      const { points } = (await this.#ask<{ run: { points: PointsPage } }>(text, variables)).run;
      pages.push(points);
      after = points.hasNextPage ? points.endCursor : null;
    } while (after !== null);
    const joined = (name: 'step' | 'rank' | 'value' | 'time'): Float64Array => {
      const out = new Float64Array(pages.reduce((sum, page) => sum + page[name].length, 0));
      let at = 0;
      for (const page of pages) for (let i = 0; i < page[name].length; i++) out[at++] = Number(page[name][i]);
      return out;
    };
    return { step: joined('step'), rank: joined('rank'), value: joined('value'), time: joined('time') };
  }

  /** Images, histograms, tables and whatever else it logged that is no number, in order of key, step, rank and index, page by page. */
  async *media(
    search: { readonly keys?: readonly string[]; readonly kind?: string; readonly rank?: number } = {},
  ): AsyncGenerator<ReadMedia, void, undefined> {
    const { keys = null, kind, rank } = search;
    let after: string | null = null;
    do {
      const variables: Readonly<Record<string, unknown>> = {
        id: this.id,
        keys,
        ranks: rank === undefined ? null : [rank],
        after,
      };
      const { media } = (await this.#ask<{ run: { media: MediaPage } }>(mediaQuestion, variables)).run;
      for (const value of media.values)
        if (kind === undefined || value.kind === kind) yield new ReadMedia(value, this.#bytes);
      after = media.hasNextPage ? media.endCursor : null;
    } while (after !== null);
  }

  /** Its files, each name once in its newest version, or with `versions` all, the oldest first. */
  async artifacts(options: { readonly versions?: boolean; readonly name?: string } = {}): Promise<ReadArtifact[]> {
    const text = `query($id: ID!, $first: Int, $skip: Int, $name: String, $versions: Boolean) { run(id: $id) {
      artifacts(first: $first, skip: $skip, name: $name, versions: $versions) { name type digest sizeBytes mime step version loggedAt } } }`;
    const found: ReadArtifact[] = [];
    for (;;) {
      const variables = {
        id: this.id,
        first: artifactsPage,
        skip: found.length,
        name: options.name ?? null,
        versions: options.versions ?? false,
      };
      const { run } = await this.#ask<{ run: { artifacts: ReadArtifact[] } }>(text, variables);
      found.push(...run.artifacts);
      if (run.artifacts.length < artifactsPage) return found;
    }
  }

  /** Writes its file `name`, in the newest version or the one asked for, to `path`. */
  async download(name: string, path: string, version?: number): Promise<void> {
    const all = await this.artifacts({ name, versions: version !== undefined });
    const wanted = all.find((artifact) => version === undefined || artifact.version === version);
    if (!wanted)
      throw new ApiError(
        `run ${this.id} has no artifact "${name}"${version === undefined ? '' : ` of version ${version}`}`,
      );
    await writeFile(path, await this.#bytes(`/v1/artifacts/${wanted.digest}`));
  }
}
