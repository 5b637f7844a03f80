import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { deploymentProblems } from './deployment.js';
import { readS3Address, type S3Address } from './s3-address.js';

export const roles = ['ingest', 'projector', 'gateway'] as const;
export type Role = (typeof roles)[number];

/** Where each port is opened: a kind and what its adapter needs. */
export type LogAddress =
  { readonly kind: 'file'; readonly dir: string } | { readonly kind: 'kafka'; readonly url: string };
export type RunsAddress =
  { readonly kind: 'pglite'; readonly dir: string } | { readonly kind: 'postgres'; readonly url: string };
export type MetricsAddress =
  { readonly kind: 'chdb'; readonly dir: string } | { readonly kind: 'clickhouse'; readonly url: string };
export type ArtifactsAddress =
  { readonly kind: 'file'; readonly dir: string } | { readonly kind: 's3'; readonly address: S3Address };

export interface Configuration {
  readonly log: LogAddress;
  readonly runs: RunsAddress;
  readonly metrics: MetricsAddress;
  readonly artifacts: ArtifactsAddress;
  readonly roles: readonly Role[];
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Partitions of the runs and telemetry topics of a new log; catalog always has one. */
  readonly logPartitions: number;
  /** For the command line, when the server it talks to needs one. */
  readonly apiKey: string | null;
  /** 32 bytes each, with which secrets are kept that must be read again: the first seals, all open. Empty: one in the data folder. */
  readonly secretKeys: readonly Buffer[];
  /** Records a projection may be behind before a process that reads says that it is not ready; 0: any number. */
  readonly lagMax: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Origins of other web sites whose pages may ask this server, such as "https://grafana.example.com". */
  readonly origins: readonly string[];
  /** The largest artifact that is taken. */
  readonly artifactBytesMax: number;
  /** All artifacts together, where they are in a folder. */
  readonly artifactsBytesMax: number;
}

/** All that is wrong with the environment, at once. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const gibibyte = 1024 ** 3;

const schema = z.object({
  RUNSTREAM_DATA: z.string().min(1).default('./data'),
  RUNSTREAM_LOG: z.string().optional(),
  RUNSTREAM_RUNS: z.string().optional(),
  RUNSTREAM_METRICS: z.string().optional(),
  RUNSTREAM_ARTIFACTS: z.string().optional(),
  RUNSTREAM_S3_ACCESS_KEY: z.string().optional(),
  RUNSTREAM_S3_SECRET_KEY: z.string().optional(),
  RUNSTREAM_S3_SESSION_TOKEN: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  RUNSTREAM_ROLES: z.string().default(roles.join(',')),
  RUNSTREAM_HOST: z.string().min(1).default('127.0.0.1'),
  RUNSTREAM_PORT: z.coerce.number().int().min(0).max(65_535).default(7171),
  RUNSTREAM_LOG_PARTITIONS: z.coerce.number().int().min(1).max(1_024).default(2),
  RUNSTREAM_API_KEY: z.string().optional(),
  RUNSTREAM_SECRET_KEY: z.string().default(''),
  RUNSTREAM_LAG_MAX: z.coerce.number().int().min(0).default(0),
  RUNSTREAM_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  RUNSTREAM_ORIGINS: z.string().default(''),
  RUNSTREAM_ARTIFACT_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .default(64 * gibibyte),
  RUNSTREAM_ARTIFACTS_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .default(1_024 * gibibyte),
});

/** Reads the environment once; throws a `ConfigurationError` that lists every problem. */
export function readConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Configuration {
  const parsed = schema.safeParse(environment);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  // what can be read is read all the same, so that every problem is found in one go
  const broken = new Set(parsed.success ? [] : parsed.error.issues.map((issue) => String(issue.path[0])));
  const env = schema.parse(Object.fromEntries(Object.entries(environment).filter(([name]) => !broken.has(name))));
  const dataDir = resolve(cwd, env.RUNSTREAM_DATA);
  const address = <T>(
    name: keyof typeof env,
    text: string | undefined,
    read: Readonly<Record<string, (rest: string) => T>>,
    fallback: T,
  ): T => {
    if (text === undefined || text === '') return fallback;
    const scheme = text.slice(0, Math.max(0, text.indexOf(':')));
    const reader = read[scheme];
    if (reader) return reader(text.slice(scheme.length + 1));
    problems.push(
      `${name}: "${text}" has no known scheme; expected one of ${Object.keys(read)
        .map((known) => `${known}:`)
        .join(', ')}`,
    );
    return fallback;
  };
  const folder = (rest: string): string => (isAbsolute(rest) ? rest : resolve(cwd, rest));
  const url = (scheme: string) => (rest: string) => ({ kind: scheme, url: `${scheme}:${rest}` });
  const log = address<LogAddress>(
    'RUNSTREAM_LOG',
    env.RUNSTREAM_LOG,
    {
      file: (rest) => ({ kind: 'file', dir: folder(rest) }),
      kafka: (rest) => url('kafka')(rest) as LogAddress,
    },
    { kind: 'file', dir: join(dataDir, 'log') },
  );
  const runs = address<RunsAddress>(
    'RUNSTREAM_RUNS',
    env.RUNSTREAM_RUNS,
    {
      pglite: (rest) => ({ kind: 'pglite', dir: folder(rest) }),
      postgres: (rest) => url('postgres')(rest) as RunsAddress,
      postgresql: (rest) => ({ kind: 'postgres', url: `postgresql:${rest}` }),
    },
    { kind: 'pglite', dir: join(dataDir, 'runs') },
  );
  const metrics = address<MetricsAddress>(
    'RUNSTREAM_METRICS',
    env.RUNSTREAM_METRICS,
    {
      chdb: (rest) => ({ kind: 'chdb', dir: folder(rest) }),
      clickhouse: (rest) => url('clickhouse')(rest) as MetricsAddress,
      https: (rest) => ({ kind: 'clickhouse', url: `https:${rest}` }),
    },
    { kind: 'chdb', dir: join(dataDir, 'metrics') },
  );
  // one set or the other: a key of one with the secret of the other would only be refused later
  const ownKeys = env.RUNSTREAM_S3_ACCESS_KEY !== undefined || env.RUNSTREAM_S3_SECRET_KEY !== undefined;
  const s3Credentials = {
    accessKey: ownKeys ? env.RUNSTREAM_S3_ACCESS_KEY : env.AWS_ACCESS_KEY_ID,
    secretKey: ownKeys ? env.RUNSTREAM_S3_SECRET_KEY : env.AWS_SECRET_ACCESS_KEY,
    sessionToken: ownKeys ? env.RUNSTREAM_S3_SESSION_TOKEN : env.AWS_SESSION_TOKEN,
  };
  const artifacts = address<ArtifactsAddress>(
    'RUNSTREAM_ARTIFACTS',
    env.RUNSTREAM_ARTIFACTS,
    {
      file: (rest) => ({ kind: 'file', dir: folder(rest) }),
      s3: (rest) => ({
        kind: 's3',
        address: readS3Address(`s3:${rest}`, s3Credentials, (text) => problems.push(text)),
      }),
    },
    { kind: 'file', dir: join(dataDir, 'artifacts') },
  );
  const chosen = env.RUNSTREAM_ROLES.split(',')
    .map((role) => role.trim())
    .filter(Boolean);
  for (const role of chosen) {
    if (!(roles as readonly string[]).includes(role))
      problems.push(`RUNSTREAM_ROLES: "${role}" is not one of ${roles.join(', ')}`);
  }
  if (chosen.length === 0) problems.push('RUNSTREAM_ROLES: at least one role is needed');
  const origins = env.RUNSTREAM_ORIGINS.split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      problems.push(
        `RUNSTREAM_ORIGINS: "${origin}" is no origin; expected a list such as https://grafana.example.com,http://localhost:3000`,
      );
  }
  const secretKeys = env.RUNSTREAM_SECRET_KEY.split(',')
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => Buffer.from(text, 'base64'));
  if (secretKeys.some(({ length }) => length !== 32))
    problems.push('RUNSTREAM_SECRET_KEY: each key is 32 bytes in base64, as made by: openssl rand -base64 32');
  const known = roles.filter((role) => chosen.includes(role));
  if (problems.length === 0) problems.push(...deploymentProblems({ log, runs, metrics, roles: known }));
  if (problems.length > 0)
    throw new ConfigurationError(
      `The configuration can't be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  return {
    log,
    runs,
    metrics,
    artifacts,
    roles: known,
    dataDir,
    host: env.RUNSTREAM_HOST,
    port: env.RUNSTREAM_PORT,
    logPartitions: env.RUNSTREAM_LOG_PARTITIONS,
    apiKey: env.RUNSTREAM_API_KEY ?? null,
    secretKeys,
    lagMax: env.RUNSTREAM_LAG_MAX,
    logLevel: env.RUNSTREAM_LOG_LEVEL,
    origins,
    artifactBytesMax: env.RUNSTREAM_ARTIFACT_BYTES_MAX,
    artifactsBytesMax: env.RUNSTREAM_ARTIFACTS_BYTES_MAX,
  };
}
