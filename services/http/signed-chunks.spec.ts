import { describe, expect, it } from 'vitest';
import { checkChunks, signedPayload } from './signed-chunks.js';
import { checkSignature, readClaim, scopeOf, signingKey, type SignedRequest } from './sigv4.js';

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const then = Date.UTC(2013, 4, 24);
const names =
  'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class';
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const request: SignedRequest = {
  method: 'PUT',
  url: '/examplebucket/chunkObject.txt',
  rawHeaders: [
    ...['Host', 's3.amazonaws.com', 'x-amz-date', '20130524T000000Z', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
    ...['x-amz-content-sha256', signedPayload, 'Content-Encoding', 'aws-chunked'],
    ...['x-amz-decoded-content-length', '66560', 'Content-Length', '66824', 'Authorization'],
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=${seed}`,
  ],
};
const claim = readClaim(request, ['s3'], then);
const common = { key: signingKey(secret, claim), timestamp: claim.timestamp, scope: scopeOf(claim) };
const [large, small] = [Buffer.alloc(65_536, 'a'), Buffer.alloc(1_024, 'a')];
const signatures = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
];
const start = () => checkChunks({ ...common, signature: seed, trailer: false });

describe('chunks that are signed one by one', () => {
  it("are let in as AWS's published example is", () => {
    checkSignature(request, claim, secret, signedPayload);
    const check = start();
    check.update(large.subarray(0, 100));
    check.update(large.subarray(100));
    check.endChunk(signatures[0]);
    check.update(small);
    check.endChunk(signatures[1]);
    check.endChunk(signatures[2]);
    check.end([], undefined);
  });

  it('are refused where one was changed, left out, moved or not signed, and where something follows', () => {
    const refused = expect.objectContaining({ code: 'SignatureDoesNotMatch', status: 403 });
    const changed = start();
    changed.update(Buffer.alloc(65_536, 'b'));
    expect(() => changed.endChunk(signatures[0])).toThrow(refused);
    const moved = start();
    moved.update(small);
    expect(() => moved.endChunk(signatures[1])).toThrow(refused);
    const unsigned = start();
    unsigned.update(large);
    expect(() => unsigned.endChunk(undefined)).toThrow(refused);
    const cut = start();
    cut.update(large);
    cut.endChunk(signatures[0]);
    expect(() => cut.endChunk(signatures[2])).toThrow(refused);
    expect(() => start().end(['x-amz-checksum-crc32:AAAAAA=='], undefined)).toThrow(refused);
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
  it('may have trailing headers, which are signed as well', () => {
    const signature = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
    const line = 'x-amz-checksum-crc32c:sOO8/Q==';
    const trailer = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435';
    const begun = () => {
      const check = checkChunks({ ...common, signature, trailer: true });
      check.update(large);
      check.endChunk('b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2');
      check.update(small);
      check.endChunk('1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7');
      check.endChunk('2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992');
      return check;
    };
    begun().end([line], trailer);
    expect(() => begun().end([`${line}x`], trailer)).toThrow('signature of a chunk');
    expect(() => begun().end([line], undefined)).toThrow('signature of a chunk');
  });
});
