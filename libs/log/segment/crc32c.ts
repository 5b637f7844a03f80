/** CRC32C (Castagnoli, reflected polynomial 0x82F63B78), sixteen bytes per step (table slicing, Kounavis and Berry 2005). */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  tables ??= makeTables();
  const table = tables;
  let crc = ~seed;
  let at = 0;
  const end = bytes.length;
  // the word loop reads 32-bit words, which need an aligned start (and a little-endian machine)
  while (at < end && ((bytes.byteOffset + at) & 3) !== 0) crc = (crc >>> 8) ^ table[(crc ^ bytes[at++]!) & 0xff]!;
  const words = (end - at) >>> 2;
  if (words >= 4) {
    const view = new Int32Array(bytes.buffer, bytes.byteOffset + at, words & ~3);
    crc = crcOfWords(view, crc, table);
    at += (words & ~3) * 4;
  }
  while (at < end) crc = (crc >>> 8) ^ table[(crc ^ bytes[at++]!) & 0xff]!;
  return ~crc >>> 0;
}

let tables: Int32Array | undefined;

function crcOfWords(view: Int32Array, start: number, table: Int32Array): number {
  let crc = start;
  for (let i = 0; i < view.length; i += 4) {
    const a = view[i]! ^ crc;
    const b = view[i + 1]!;
    const c = view[i + 2]!;
    const d = view[i + 3]!;
    crc =
      table[3840 + (a & 0xff)]! ^
      table[3584 + ((a >>> 8) & 0xff)]! ^
      table[3328 + ((a >>> 16) & 0xff)]! ^
      table[3072 + (a >>> 24)]! ^
      table[2816 + (b & 0xff)]! ^
      table[2560 + ((b >>> 8) & 0xff)]! ^
      table[2304 + ((b >>> 16) & 0xff)]! ^
      table[2048 + (b >>> 24)]! ^
      table[1792 + (c & 0xff)]! ^
      table[1536 + ((c >>> 8) & 0xff)]! ^
      table[1280 + ((c >>> 16) & 0xff)]! ^
      table[1024 + (c >>> 24)]! ^
      table[768 + (d & 0xff)]! ^
      table[512 + ((d >>> 8) & 0xff)]! ^
      table[256 + ((d >>> 16) & 0xff)]! ^
      table[d >>> 24]!;
  }
  return crc;
}

function makeTables(): Int32Array {
  const table = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) table[i] = (table[i - 256]! >>> 8) ^ table[table[i - 256]! & 0xff]!;
  return table;
}
