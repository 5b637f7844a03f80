import { crc32, deflateSync } from 'node:zlib';

/** An image as its pixels: rows from the top, 8 bits a channel. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; 4 when not given. */
  readonly channels?: 1 | 2 | 3 | 4;
}

const colorTypes = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;
const sideMax = 16_384;

function chunk(kind: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), 4 + body.length);
  return out;
}

/** A PNG file of the pixels. Throws a RangeError where they are not as many as they should be. */
export function png({ data, width, height, channels = 4 }: Pixels): Buffer {
  const sides = [width, height];
  if (!sides.every((side) => Number.isInteger(side) && side >= 1 && side <= sideMax))
    throw new RangeError(`${width} x ${height} pixels: a side has 1 to ${sideMax}`);
  if (!(channels in colorTypes)) throw new RangeError(`channels: 1 to 4, not ${String(channels)}`);
  const row = width * channels;
  if (data.length !== row * height)
    throw new RangeError(`${data.length} bytes for ${width} x ${height} pixels of ${channels} channels`);
  const filtered = Buffer.alloc((row + 1) * height);
  for (let at = 0; at < height; at++) filtered.set(data.subarray(at * row, (at + 1) * row), at * (row + 1) + 1);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, colorTypes[channels], 0, 0, 0], 8);
  const parts = [
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(filtered, { level: 3 })),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]);
}

const magic: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n\x1a\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8/, 'image/gif'],
  [/^BM/, 'image/bmp'],
  [/^RIFF.{4}WEBP/s, 'image/webp'],
  [/^RIFF.{4}WAVE/s, 'audio/wav'],
  [/^(?:ID3|\xff\xfb)/, 'audio/mpeg'],
  [/^fLaC/, 'audio/flac'],
  [/^OggS/, 'audio/ogg'],
  [/^.{4}ftyp/s, 'video/mp4'],
  [/^\x1aE\xdf\xa3/, 'video/webm'],
  [/^\s*(?:<\?xml.*?)?<svg/is, 'image/svg+xml'],
];

/** The type of a file, by its first bytes; "" when they say nothing. */
export function mediaType(content: Uint8Array): string {
  const start = Buffer.from(content.buffer, content.byteOffset, Math.min(content.byteLength, 2_000)).toString('latin1');
  return magic.find(([pattern]) => pattern.test(start))?.[1] ?? '';
}

/** Width and height of a PNG or GIF, from its head. */
export function sizeFacts(content: Uint8Array, mime: string): Record<string, string> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (mime === 'image/png' && bytes.length >= 24)
    return { width: String(bytes.readUInt32BE(16)), height: String(bytes.readUInt32BE(20)) };
  if (mime === 'image/gif' && bytes.length >= 10)
    return { width: String(bytes.readUInt16LE(6)), height: String(bytes.readUInt16LE(8)) };
  return {};
}
