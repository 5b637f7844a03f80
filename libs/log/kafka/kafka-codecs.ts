import { decompress as inflateZstd } from 'fzstd';
import { compressFrame, decompressFrame } from 'lz4-napi';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** What the driver has no codec for: LZ4 is what we write; zstd is what another producer may have written. */
export const codecs: { readonly lz4: Codec; readonly zstd: Codec } = {
  lz4: {
    compress: ({ buffer }) => compressFrame(buffer),
    decompress: (buffer) => decompressFrame(buffer),
  },
  zstd: {
    compress: () => Promise.reject(new Error('zstd is read only')),
    decompress: async (buffer) => Buffer.from(inflateZstd(buffer)),
  },
};
