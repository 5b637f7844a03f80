import { describe, expect, it } from 'vitest';
import { digestOf, heldFiles, merged, readManifest, sizeOf } from './artifact-manifest.js';

const md5 = 'XrY7u+Ae7tCTyyK7j1rNww==';
const manifest = (contents: object): Buffer => Buffer.from(JSON.stringify({ version: 1, contents }));

describe('manifests', () => {
  it('have the digest that their clients compute, whatever the order of their files', () => {
    // what wandb 0.31.0 says of the same contents
    expect(digestOf(readManifest(manifest({ 'a.txt': { digest: md5, size: 11 } })))).toBe(
      '3a12faf628662432840bc7884a396918',
    );
    const two = { b: { digest: md5 }, ü: { digest: 'x', ref: 's3://b/k' }, '😀': { digest: 'y', ref: 'http://x' } };
    const turned = Object.fromEntries(Object.entries(two).reverse());
    expect(digestOf(readManifest(manifest(turned)))).toBe(digestOf(readManifest(manifest(two))));
  });

  it('hold files and references, and what is said later takes the place of what was said before', () => {
    const one = readManifest(
      manifest({ a: { digest: md5, size: 3 }, r: { digest: 'etag', ref: 's3://b/k', size: 5 } }),
    );
    const other = readManifest(manifest({ a: { digest: 'AAAAAAAAAAAAAAAAAAAAAA==', size: 4 } }));
    const both = merged(one, other);
    expect([[...heldFiles(both)].map(([path, { md5: hex }]) => [path, hex]), sizeOf(both)]).toEqual([
      [['a', '0'.repeat(32)]],
      9,
    ]);
  });

  it('are refused with a word where they are none, or lead elsewhere', () => {
    for (const [bytes, message] of [
      [Buffer.from('{'), /manifest: it can't be read/],
      [Buffer.from('{"version": 2, "contents": {}}'), /version can't be read/],
      [manifest({ a: { size: 1 } }), /contents\.a\.digest can't be read/],
      [manifest({ '../up': { digest: md5 } }), /is not a path below the artifact/],
      [manifest({ '/etc/passwd': { digest: md5 } }), /is not a path below the artifact/],
    ] as const)
      expect(() => readManifest(bytes)).toThrow(message);
    expect(() => heldFiles(readManifest(manifest({ a: { digest: 'short' } })))).toThrow(
      /contents\.a\.digest: "short" is not an MD5/,
    );
  });
});
