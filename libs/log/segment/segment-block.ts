import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { crc32c } from './crc32c.js';

/**
 * On disk a segment is a row of blocks: 48 bytes of header, then the payload (records, see record-codec.ts), perhaps deflated.
 *
 *      0 u32 magic and version   4 u32 CRC32C of the payload and then of bytes 8..48   8 u32 payload bytes   12 u32 payload bytes inflated
 *     16 u32 records            20 u32 flags (1: deflated)   24 f64 base offset        32 f64 appendedAt
 *     40 u32 position of this block in its file              44 u32 position where its group starts
 *
 * A group is what one fdatasync made durable, and a group is written only when the one before it is durable. So a valid block whose
 * group starts behind a damaged place proves that the damaged place was durable once: that is corruption, not a torn tail.
 * A block without records is a seal: written at close, it proves the last group in the same way.
 */
export const blockHeaderBytes = 48;
const magic = 0x314c5352; // "RSL1"
const deflatedFlag = 1;
export const blockMagic = 'RSL1';

export interface BlockHeader {
  readonly crc: number;
  readonly payloadBytes: number;
  readonly inflatedBytes: number;
  readonly records: number;
  readonly deflated: boolean;
  readonly baseOffset: number;
  readonly appendedAt: number;
  readonly position: number;
  readonly groupPosition: number;
}

export interface Payload {
  readonly bytes: Buffer;
  readonly inflatedBytes: number;
  readonly deflated: boolean;
  readonly crc: number;
}

const deflate = promisify<Buffer, object, Buffer>(deflateRaw);
const inflate = promisify<Buffer, object, Buffer>(inflateRaw);

/** Below this a payload is not worth a trip through the thread pool. */
const deflateBytesMin = 512;

export async function packPayload(raw: Buffer): Promise<Payload> {
  if (raw.length >= deflateBytesMin && looksCompressible(raw)) {
    const bytes = await deflate(raw, { level: 1 });
    if (bytes.length < raw.length * 0.9)
      return { bytes, inflatedBytes: raw.length, deflated: true, crc: crc32c(bytes) };
  }
  return { bytes: raw, inflatedBytes: raw.length, deflated: false, crc: crc32c(raw) };
}

export async function unpackPayload(header: BlockHeader, payload: Buffer): Promise<Buffer> {
  if (!header.deflated) return payload;
  return inflate(payload, { maxOutputLength: Math.max(1, header.inflatedBytes) });
}

/** Order-0 entropy of a sample: curves of floats (6.5 of 8 bits) deflate by a tenth, for a third of the CPU of the whole ingest. */
function looksCompressible(raw: Buffer): boolean {
  const counts = new Uint16Array(256);
  const samples = Math.min(raw.length, 1_024);
  // an odd stride, so that columns of 4- and 8-byte numbers are met in all their bytes
  const stride = Math.max(1, Math.floor(raw.length / samples)) | 1;
  let taken = 0;
  for (let at = 0; at < raw.length && taken < samples; at += stride, taken++) counts[raw[at]!]!++;
  let bits = 0;
  let distinct = 0;
  for (const count of counts) {
    if (count === 0) continue;
    bits -= (count / taken) * Math.log2(count / taken);
    distinct++;
  }
  // a small sample looks less random than it is (correction of Miller and Madow 1955)
  return bits + (distinct - 1) / (2 * taken * Math.LN2) < 6;
}

export function writeBlockHeader(
  payload: Payload,
  at: { records: number; baseOffset: number; appendedAt: number; position: number; groupPosition: number },
): Buffer {
  const header = Buffer.allocUnsafe(blockHeaderBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(payload.bytes.length, 8);
  header.writeUInt32LE(payload.inflatedBytes, 12);
  header.writeUInt32LE(at.records, 16);
  header.writeUInt32LE(payload.deflated ? deflatedFlag : 0, 20);
  header.writeDoubleLE(at.baseOffset, 24);
  header.writeDoubleLE(at.appendedAt, 32);
  header.writeUInt32LE(at.position, 40);
  header.writeUInt32LE(at.groupPosition, 44);
  header.writeUInt32LE(crc32c(header.subarray(8), payload.crc), 4);
  return header;
}

/** The header at `at`, or null when these bytes are not one. Says nothing about the payload: see `blockIntact`. */
export function readBlockHeader(bytes: Buffer, at: number): BlockHeader | null {
  if (at + blockHeaderBytes > bytes.length || bytes.readUInt32LE(at) !== magic) return null;
  const flags = bytes.readUInt32LE(at + 20);
  if (flags > deflatedFlag) return null;
  return {
    crc: bytes.readUInt32LE(at + 4),
    payloadBytes: bytes.readUInt32LE(at + 8),
    inflatedBytes: bytes.readUInt32LE(at + 12),
    records: bytes.readUInt32LE(at + 16),
    deflated: flags === deflatedFlag,
    baseOffset: bytes.readDoubleLE(at + 24),
    appendedAt: bytes.readDoubleLE(at + 32),
    position: bytes.readUInt32LE(at + 40),
    groupPosition: bytes.readUInt32LE(at + 44),
  };
}

/** Whether the CRC of the whole block in `bytes` (header at `at`, payload behind it) is right. */
export function blockIntact(bytes: Buffer, at: number, header: BlockHeader): boolean {
  const start = at + blockHeaderBytes;
  const end = start + header.payloadBytes;
  if (end > bytes.length) return false;
  return crc32c(bytes.subarray(at + 8, start), crc32c(bytes.subarray(start, end))) === header.crc;
}
