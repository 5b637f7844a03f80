import { xmlText } from '../../http/aws-answers.js';
import { AwsError } from '../../http/aws-error.js';
import { etagOf, objects } from './s3-objects.js';
import type { SageMakerWorld } from './world.js';

const keysMax = 1_000;
type Entry = { readonly key: string; readonly xml: string };

/** Both versions of the listing: keys in order, those behind a delimiter together under their common beginning. */
export async function listObjects(
  world: SageMakerWorld,
  bucket: string,
  query: URLSearchParams,
  now: string,
): Promise<string> {
  const second = query.get('list-type') === '2';
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const asked = Number(query.get('max-keys') ?? keysMax);
  if (!Number.isInteger(asked) || asked < 0) throw new AwsError('InvalidArgument', 'max-keys must be a whole number');
  const max = Math.min(asked, keysMax);
  const token = query.get('continuation-token');
  const after = second
    ? token === null
      ? (query.get('start-after') ?? '')
      : Buffer.from(token, 'base64url').toString('utf8')
    : (query.get('marker') ?? '');
  const url = query.get('encoding-type') === 'url';
  const show = (text: string): string => xmlText(url ? encodeURIComponent(text).replaceAll('%2F', '/') : text);
  const entries: Entry[] = [];
  let last = '';
  let more = false;
  const seen = new Set<string>();
  for (const { key, digest, sizeBytes } of await objects(world, bucket, prefix)) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const name = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    if (seen.has(name) || (after !== '' && Buffer.compare(Buffer.from(name), Buffer.from(after)) <= 0)) continue;
    if (entries.length >= max) {
      more = max > 0;
      break;
    }
    seen.add(name);
    last = name;
    entries.push({
      key: name,
      xml:
        cut < 0
          ? `<Contents><Key>${show(key)}</Key><LastModified>${now}</LastModified><ETag>${xmlText(etagOf(digest))}</ETag><Size>${sizeBytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`
          : `<CommonPrefixes><Prefix>${show(name)}</Prefix></CommonPrefixes>`,
    });
  }
  const next = more
    ? second
      ? element('NextContinuationToken', Buffer.from(last).toString('base64url'))
      : element('NextMarker', show(last))
    : '';
  const head = [
    element('Name', bucket) + element('Prefix', show(prefix)) + element('MaxKeys', String(max)),
    delimiter === '' ? '' : element('Delimiter', show(delimiter)),
    url ? element('EncodingType', 'url') : '',
    second ? element('KeyCount', String(entries.length)) : element('Marker', show(after)),
    element('IsTruncated', String(more)) + next,
  ];
  return document('ListBucketResult', head.join('') + entries.map(({ xml }) => xml).join(''));
}

export const element = (name: string, text: string): string => `<${name}>${text}</${name}>`;
export const document = (name: string, inner: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${name}>`;
