import type { Readable } from 'node:stream';

export interface ArtifactStat {
  /** "sha256:<hex>" */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Addresses with which a client moves bytes to and from the store itself, past us, for as long as they are good. */
export interface ArtifactLinks {
  /** PUT the whole of an upload there (at most 5 GB), then `complete` it, which checks its digest. */
  upload(uploadId: string, expiresInS: number): Promise<string>;
  /** GET the artifact, saved under `name`; throws a `Rejection` NOT_FOUND. */
  download(digest: string, expiresInS: number, name: string): Promise<string>;
  /** An upload in parts: PUT each to its address (5 MiB or more, but for the last) and keep the ETag of the answer. */
  startParts(count: number, expiresInS: number): Promise<PartsUpload>;
  /** Makes the parts an artifact, hashed while the store reads it once; repeated, it answers the same. Throws a `Rejection`. */
  completeParts(uploadId: string, parts: readonly SentPart[]): Promise<ArtifactStat>;
  abortParts(uploadId: string): Promise<void>;
}

export interface PartsUpload {
  readonly uploadId: string;
  /** Of part 1 and so on. */
  readonly urls: readonly string[];
}

export interface SentPart {
  /** From 1. */
  readonly part: number;
  readonly etag: string;
}

export const partsMax = 10_000;

/**
 * Bytes by content. What they mean, who logged them and who may read them is the log's and the gateway's business.
 */
export interface ArtifactStore {
  /**
   * Stores the bytes under their own digest, durable when it resolves; the same bytes twice are stored once. With `expected` (digest,
   * size) a mismatch is refused with a `Rejection` and nothing is kept. A full disk is `Unavailable`.
   */
  put(bytes: Readable, expected?: { digest?: string; sizeBytes?: number }): Promise<ArtifactStat>;
  /** Resumable upload: how many bytes of this upload are already kept (0 when unknown). */
  uploadedBytes(uploadId: string): Promise<number>;
  /** Appends to an upload at `offset` (must equal `uploadedBytes`), durable when it resolves; resolves with the new size. */
  append(uploadId: string, offset: number, bytes: Readable): Promise<number>;
  /** Ends an upload: checks the digest and makes it an artifact. */
  complete(uploadId: string, digest: string): Promise<ArtifactStat>;
  stat(digest: string): Promise<ArtifactStat | null>;
  /** Bytes [start, end) of an artifact; throws a `Rejection` NOT_FOUND. */
  get(digest: string, range?: { start: number; end: number }): Promise<Readable>;
  /** null where clients can't reach the store: a folder. */
  readonly links: ArtifactLinks | null;
  /** Removes uploads that nobody has touched since `olderThanMs` (Unix ms); says how many. */
  removeStaleUploads(olderThanMs: number): Promise<number>;
}
