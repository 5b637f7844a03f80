import type { IncomingHttpHeaders } from 'node:http';
import { isObject } from '#libs/domain/plain-json.js';
import { invalid } from './mlflow-error.js';
import { bucketOf } from './sagemaker-bucket.js';

/** AWS's plugin says with every call which server it means: the two kinds of them that it knows. */
const headerNames = ['x-mlflow-sm-tracking-server-arn', 'x-sm-mlflow-app-arn'] as const;
const arnPattern =
  /^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(?:tracking-server|app)\/([A-Za-z0-9._-]{1,256})$/;
/** The server whose tenant has no name: everybody's. */
const everybody = 'runstream';

/** The tenant that an ARN names; null where the client names no server. */
export function tenantOfServer(headers: IncomingHttpHeaders): string | null {
  for (const header of headerNames) {
    const arn = headers[header];
    if (typeof arn !== 'string') continue;
    const name = arnPattern.exec(arn.trim())?.[1]?.toLowerCase();
    if (name === undefined)
      throw invalid(
        `${header}: '${arn.slice(0, 200)}' is no ARN of a server: arn:aws:sagemaker:<region>:<12 digits>:mlflow-tracking-server/<name>`,
      );
    return name === everybody ? '' : name;
  }
  return null;
}

const stored = 'mlflow-artifacts:/';
const locations = new Set(['artifact_uri', 'artifact_location', 'root_uri', 'storage_location', 'source']);
const locationTag = 'mlflow.artifactLocation';

/** What is answered, with the addresses of files as such a client can use them. */
export const toObjects = (answer: unknown, tenant: string): unknown =>
  changed(answer, (text) =>
    text.startsWith(stored) ? `s3://${bucketOf(tenant)}/${text.slice(stored.length).replace(/^\/+/, '')}` : text,
  );

/** What it says, with the addresses of files as we keep them; in filters as well. */
export function fromObjects(said: unknown, tenant: string): unknown {
  const objects = `s3://${bucketOf(tenant)}/`;
  const json = changed(said, (text) => (text.startsWith(objects) ? `${stored}${text.slice(objects.length)}` : text));
  if (!isObject(json) || typeof json['filter'] !== 'string') return json;
  return { ...json, filter: storedFilter(json['filter'], tenant) };
}
export const storedFilter = (filter: string, tenant: string): string =>
  filter.replaceAll(`s3://${bucketOf(tenant)}/`, stored);

function changed(value: unknown, change: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => changed(each, change));
  if (!isObject(value)) return value;
  const isTag = value['key'] === locationTag;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const location = locations.has(name) || name === locationTag || (isTag && name === 'value');
      return [name, location && typeof each === 'string' ? change(each) : changed(each, change)];
    }),
  );
}
