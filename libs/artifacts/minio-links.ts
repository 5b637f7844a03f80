import { S3Error, type Client } from 'minio';
import { Rejection } from '#libs/domain/rejection.js';
import { readUploadId, unknownArtifact, unknownUpload } from './artifact-names.js';
import { partsMax, type ArtifactLinks, type ArtifactStat, type PartsUpload, type SentPart } from './artifact-store.js';
import { isMissing } from './minio-client.js';
import { putWhole } from './minio-parts.js';

/** What the links need of the store they belong to. */
export interface LinkedBucket {
  readonly client: Client;
  /** Signs addresses with the host by which clients reach the store. */
  readonly front: Client;
  readonly bucket: string;
  readonly randomHex: () => string;
  readonly objectName: (digest: string) => string;
  readonly pieceName: (uploadId: string) => string;
  readonly incomingName: (id: string) => string;
  readonly stat: (digest: string) => Promise<ArtifactStat | null>;
  /** Makes an object of `incoming/` the artifact that its bytes are, noted before it goes; null when there is none of that name. */
  readonly adopt: (name: string, note: (stat: ArtifactStat) => Promise<void>) => Promise<ArtifactStat | null>;
  /** One request at a time for an upload, with the store's failures as `Unavailable`. */
  readonly alone: <Result>(id: string, work: () => Promise<Result>) => Promise<Result>;
  readonly tell: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Codes by which a store says that the parts named are not those it has. */
const badParts: ReadonlySet<string> = new Set([
  'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall', 'InvalidArgument', 'InvalidRequest', 'MalformedXML',
]); // prettier-ignore

export class MinioLinks implements ArtifactLinks {
  constructor(readonly at: LinkedBucket) {}

  /** The one piece of an upload: `complete` checks its digest before it becomes an artifact. */
  async upload(uploadId: string, expiresInS: number): Promise<string> {
    const { at } = this;
    const name = at.pieceName(readUploadId(uploadId));
    return at.tell(() => at.front.presignedPutObject(at.bucket, name, expiresInS));
  }

  async download(digest: string, expiresInS: number, name: string): Promise<string> {
    const { at } = this;
    if (!(await at.stat(digest))) throw unknownArtifact(digest);
    const disposition = `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
    return at.tell(() =>
      at.front.presignedGetObject(at.bucket, at.objectName(digest), expiresInS, {
        'response-content-disposition': disposition,
        'response-content-type': 'application/octet-stream',
      }),
    );
  }

  async startParts(count: number, expiresInS: number): Promise<PartsUpload> {
    if (!Number.isInteger(count) || count < 1 || count > partsMax)
      throw new Rejection('INVALID_ARGUMENT', `parts: ${count}, expected 1 to ${partsMax}`, 'parts');
    const { at } = this;
    return at.tell(async () => {
      const id = at.randomHex();
      const name = at.incomingName(id);
      const uploadId = await at.client.initiateNewMultipartUpload(at.bucket, name, {});
      const urls: string[] = [];
      for (let part = 1; part <= count; part++) {
        const query = { partNumber: String(part), uploadId };
        urls.push(await at.front.presignedUrl('PUT', at.bucket, name, expiresInS, query));
      }
      return { uploadId: `${id}.${uploadId}`, urls };
    });
  }

  /** The artifact's name is its digest, which nobody told us: what became of an upload is noted, for who missed the answer. */
  async completeParts(uploadId: string, parts: readonly SentPart[]): Promise<ArtifactStat> {
    const { at } = this;
    const { id, inner } = readPartsId(uploadId);
    if (parts.length === 0 || parts.length > partsMax)
      throw new Rejection('INVALID_ARGUMENT', `parts: ${parts.length} named, expected 1 to ${partsMax}`, 'parts');
    const name = at.incomingName(id);
    const note = at.incomingName(`${id}.done`);
    return at.alone(id, async () => {
      try {
        await at.client.completeMultipartUpload(at.bucket, name, inner, [...parts]);
      } catch (error) {
        if (error instanceof S3Error && badParts.has(error.code ?? ''))
          throw new Rejection('INVALID_ARGUMENT', `parts: the store has others (${error.message})`, 'parts');
        if (!isMissing(error)) throw error;
      }
      const adopted = await at.adopt(name, (stat) =>
        putWhole(at.client, at.bucket, note, Buffer.from(JSON.stringify(stat))),
      );
      if (adopted) return adopted;
      const done = await this.#read(note);
      if (done === null) throw unknownUpload(uploadId);
      return JSON.parse(done) as ArtifactStat;
    });
  }

  async abortParts(uploadId: string): Promise<void> {
    const { at } = this;
    const { id, inner } = readPartsId(uploadId);
    await at.tell(async () => {
      try {
        await at.client.abortMultipartUpload(at.bucket, at.incomingName(id), inner);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }

  async #read(name: string): Promise<string | null> {
    try {
      let text = '';
      for await (const chunk of await this.at.client.getObject(this.at.bucket, name)) text += String(chunk);
      return text;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}

/** Ours and the store's: an id names one object, so that no id of another upload can be made to fit. */
function readPartsId(uploadId: string): { readonly id: string; readonly inner: string } {
  const match = /^([0-9a-f]{8,64})\.([\x21-\x7e]{1,1000})$/.exec(uploadId);
  if (!match) throw new Rejection('INVALID_ARGUMENT', 'upload id: not one of an upload in parts', 'uploadId');
  return { id: match[1]!, inner: match[2]! };
}
