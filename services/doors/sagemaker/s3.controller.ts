import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';
import { s3Error, s3Paths, toAwsError, xmlText } from '../../http/aws-answers.js';
import { AwsError } from '../../http/aws-error.js';
import { queryBounds, type Bodies } from '../../http/bodies.js';
import { discardRest } from '../../http/discard-rest.js';
import { BACKEND, BODIES, LOGGER } from '../../tokens.js';
import { tenantOfBucket } from '../mlflow/sagemaker-bucket.js';
import { CommandLog } from '../shared/command-log.js';
import { Tenants } from '../shared/tenant.js';
import { objectBody } from './s3-body.js';
import { document, element, listObjects } from './s3-listing.js';
import * as s3 from './s3-objects.js';
import { abortUpload, beginUpload, completeUpload, putPart, type NamedPart } from './s3-uploads.js';
import { SageMakerWorld, source } from './world.js';

interface Asked {
  readonly world: SageMakerWorld;
  readonly place: s3.Place;
  readonly query: URLSearchParams;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** As much of S3 as clients need to keep files beside their runs, over the artifact store; signed by the same keys. */
@Controller()
export class S3Controller {
  private readonly tenants: Tenants<SageMakerWorld>;

  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {
    const log = new CommandLog(backend, source);
    this.tenants = new Tenants((name) => new SageMakerWorld(name, backend, log));
  }

  @All([...s3Paths])
  async any(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    try {
      await this.dispatch(this.read(request, reply));
    } catch (error) {
      if (!(error instanceof Rejection && error.code === 'TOO_SLOW')) await discardRest(request.raw);
      const known = toAwsError(error);
      if (reply.raw.headersSent || !known) throw error;
      if (!request.raw.complete) void reply.header('connection', 'close');
      if (known.status >= 500) this.logger.warn('S3 request not served', { error: known.message });
      const { status, headers, body } = s3Error(known);
      void reply.status(status).headers(headers);
      await reply.send(request.method === 'HEAD' ? '' : body);
    }
  }

  private read(request: FastifyRequest, reply: FastifyReply): Asked {
    const [path = '', search = ''] = request.url.split(/\?(.*)/s);
    const rest = path.replace(/^(\/t\/[^/]*)?\/s3\/?/, '');
    const [bucket = '', key = ''] = rest.split(/\/(.*)/s);
    const mlflow = tenantOfBucket(decoded(bucket));
    const world = this.tenants.get(mlflow ?? (request.params as { readonly world?: string }).world ?? '');
    return {
      world,
      place: { bucket: decoded(bucket), key: decoded(key) },
      query: plainQuery(search),
      request,
      reply,
    };
  }

  private async dispatch(asked: Asked): Promise<void> {
    const { place, request } = asked;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (place.bucket === '') {
      if (method !== 'GET') throw unknown(asked);
      return this.listBuckets(asked);
    }
    s3.checkBucket(place.bucket);
    if (place.key === '') return this.bucket(asked, method);
    s3.checkKey(place.key);
    switch (method) {
      case 'GET':
        return this.get(asked);
      case 'PUT':
        return this.put(asked);
      case 'POST':
        return this.post(asked);
      case 'DELETE':
        await s3.needBucket(asked.world, place.bucket);
        if (asked.query.has('uploadId')) await abortUpload(asked.world, place, asked.query.get('uploadId')!);
        else await s3.deleteObject(asked.world, place);
        await asked.reply.status(204).send();
        return;
      default:
        throw unknown(asked);
    }
  }

  private async listBuckets({ world, reply }: Asked): Promise<void> {
    const at = new Date(0).toISOString();
    const list = (await s3.buckets(world)).map((name) =>
      element('Bucket', element('Name', name) + element('CreationDate', at)),
    );
    const owner = element('Owner', element('ID', world.account));
    await send(reply, document('ListAllMyBucketsResult', owner + element('Buckets', list.join(''))));
  }

  private async bucket(asked: Asked, method: string): Promise<void> {
    const { world, place, query, request, reply } = asked;
    const { bucket } = place;
    if (method === 'PUT' && query.size === 0) {
      await this.text(request);
      await s3.createBucket(world, bucket);
      await reply.status(200).header('location', `/${bucket}`).send();
      return;
    }
    await s3.needBucket(world, bucket);
    if (method === 'DELETE' && query.size === 0) {
      await s3.deleteBucket(world, bucket);
      await reply.status(204).send();
    } else if (method === 'POST' && query.has('delete')) {
      const keys = values(await this.text(request), 'Key');
      for (const key of keys) await s3.deleteObject(world, { bucket, key: s3.checkKey(key) });
      const gone = keys.map((key) => element('Deleted', element('Key', xmlText(key))));
      await send(reply, document('DeleteResult', gone.join('')));
    } else if (method === 'GET' && query.has('location')) {
      await send(reply, document('LocationConstraint', ''));
    } else if (request.method === 'HEAD') {
      await reply.status(200).send();
    } else if (method === 'GET' && [...query.keys()].every((name) => listed.has(name))) {
      await send(reply, await listObjects(world, bucket, query, new Date(0).toISOString()));
    } else throw unknown(asked);
  }

  private async get(asked: Asked): Promise<void> {
    const { world, place, query, request, reply } = asked;
    if ([...query.keys()].some((name) => !name.startsWith('response-'))) throw unknown(asked);
    const { digest, sizeBytes, mime } = await s3.findObject(world, place);
    const etag = s3.etagOf(digest);
    void reply.header('etag', etag).header('accept-ranges', 'bytes').header('last-modified', new Date(0).toUTCString());
    if (request.headers['if-none-match'] === etag) {
      await reply.status(304).send();
      return;
    }
    const range = readRange(request.headers.range, sizeBytes);
    const { start, end } = range ?? { start: 0, end: sizeBytes };
    void reply
      .status(range ? 206 : 200)
      .type(mime || 'binary/octet-stream')
      .header('content-length', String(end - start));
    if (range) void reply.header('content-range', `bytes ${start}-${end - 1}/${sizeBytes}`);
    if (request.method === 'HEAD') await reply.send();
    else await reply.send(await this.backend.artifactStore.get(digest, range ?? undefined));
  }

  private async put(asked: Asked): Promise<void> {
    const { world, place, query, request, reply } = asked;
    const { headers } = request;
    const odd = Object.keys(headers).find(
      (name) => name.startsWith('x-amz-meta-') || name.startsWith('x-amz-copy-source'),
    );
    if (odd !== undefined) throw new AwsError('NotImplemented', `The header ${odd.slice(0, 100)} is not kept here.`);
    await s3.needBucket(world, place.bucket);
    const bytes = objectBody(request, this.backend.configuration.artifactBytesMax);
    const part = query.get('partNumber');
    const upload = query.get('uploadId');
    if ((part === null) !== (upload === null) || (part === null && query.size > 0)) throw unknown(asked);
    const etag =
      part !== null && upload !== null
        ? await putPart(world, place, upload, Number(part), bytes)
        : await s3.putObject(world, place, bytes, headers['content-type'] ?? '');
    await reply.status(200).header('etag', etag).send();
  }

  private async post(asked: Asked): Promise<void> {
    const { world, place, query, request, reply } = asked;
    await s3.needBucket(world, place.bucket);
    const about = element('Bucket', place.bucket) + element('Key', xmlText(place.key));
    if (query.has('uploads')) {
      const id = await beginUpload(world, place, request.headers['content-type'] ?? '');
      await send(reply, document('InitiateMultipartUploadResult', about + element('UploadId', id)));
    } else if (query.has('uploadId')) {
      const etag = await completeUpload(world, place, query.get('uploadId')!, readParts(await this.text(request)));
      await send(reply, document('CompleteMultipartUploadResult', about + element('ETag', xmlText(etag))));
    } else throw unknown(asked);
  }

  private text(request: FastifyRequest): Promise<string> {
    return this.bodies.use(request.raw, queryBounds, (body) => body.bytes.toString('utf8'));
  }
}

/** What an address is signed with is no question. */
function plainQuery(search: string): URLSearchParams {
  const query = new URLSearchParams(search);
  for (const name of [...query.keys()]) if (/^x-(id$|amz-(?!meta-|copy-source))/i.test(name)) query.delete(name);
  return query;
}

const listed = new Set(
  'list-type prefix delimiter max-keys marker continuation-token start-after encoding-type fetch-owner'.split(' '),
);
const unknown = ({ request }: Asked): AwsError =>
  new AwsError('NotImplemented', `${request.method} with these parameters is not served here.`, 405);
const send = async (reply: FastifyReply, xml: string): Promise<void> => {
  await reply.status(200).type('application/xml').send(xml);
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  }
}

/** null: the whole; refuses what lies behind the end. */
function readRange(header: string | undefined, size: number): { readonly start: number; readonly end: number } | null {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1);
  if (start >= size || start >= end) throw new AwsError('InvalidRange', 'The requested range is not satisfiable', 416);
  return { start, end };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const plainText = (xml: string): string =>
  xml.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,6}));/g, (whole, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : hex ? parseInt(hex as string, 16) : -1;
    return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : (entities[String(name)] ?? String(whole));
  });
const values = (xml: string, name: string): readonly string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => plainText(text!));

function readParts(xml: string): readonly NamedPart[] {
  return [...xml.matchAll(/<Part>([\s\S]*?)<\/Part>/g)].map(([, part]) => {
    const [number, etag] = [values(part!, 'PartNumber')[0], values(part!, 'ETag')[0]];
    if (number === undefined || etag === undefined || !/^\d{1,5}$/.test(number))
      throw new AwsError(
        'MalformedXML',
        'The XML you provided was not well-formed or did not validate against our published schema',
      );
    return { number: Number(number), etag };
  });
}
