import { describe, expect, it } from 'vitest';
import { checkSignature, readClaim, sha256, signatureOf, type SignedRequest } from './sigv4.js';

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const empty = sha256('');
const vectorsAt = Date.UTC(2015, 7, 30, 12, 36);
const host = ['Host', 'example.amazonaws.com'];
const date = ['X-Amz-Date', '20150830T123600Z'];

function signed(
  method: string,
  url: string,
  headers: readonly string[],
  signedHeaders: string,
  signature: string,
  scope = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request',
): SignedRequest {
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return { method, url, rawHeaders: [...headers, 'Authorization', authorization] };
}
const check = (request: SignedRequest, payload = empty, nowMs = vectorsAt, services = ['service', 's3', 'iam']) =>
  checkSignature(request, readClaim(request, services, nowMs), secret, payload);

describe("AWS's published examples", () => {
  const post = '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b';
  const vectors: readonly (readonly [string, SignedRequest])[] = [
    [
      'get-vanilla',
      signed(
        'GET',
        '/',
        [...host, ...date],
        'host;x-amz-date',
        '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
      ),
    ],
    [
      'get-vanilla-query-order-key-case',
      signed(
        'GET',
        '/?Param2=value2&Param1=value1',
        [...host, ...date],
        'host;x-amz-date',
        'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
      ),
    ],
    [
      'get-header-value-trim',
      signed(
        'GET',
        '/',
        [...host, 'My-Header1', ' value1', 'My-Header2', ' "a   b   c"', ...date],
        'host;my-header1;my-header2;x-amz-date',
        'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
      ),
    ],
    ['post-vanilla', signed('POST', '/', [...host, ...date], 'host;x-amz-date', post)],
    [
      'normalize-path/get-relative-relative',
      signed(
        'GET',
        '/example1/example2/../..',
        [...host, ...date],
        'host;x-amz-date',
        '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
      ),
    ],
    [
      'the request to IAM of the guide',
      signed(
        'GET',
        '/?Action=ListUsers&Version=2010-05-08',
        [
          ...['Host', 'iam.amazonaws.com', ...date],
          ...['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
        ],
        'content-type;host;x-amz-date',
        '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
        'AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request',
      ),
    ],
  ];

  it.each(vectors)('%s is let in', (_name, request) => {
    expect(() => check(request)).not.toThrow();
  });

  it('and the one of S3, which signs its path as it is sent', () => {
    const request = signed(
      'GET',
      '/test.txt',
      [
        ...['Host', 'examplebucket.s3.amazonaws.com', 'Range', 'bytes=0-9'],
        ...['x-amz-content-sha256', empty, 'x-amz-date', '20130524T000000Z'],
      ],
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
    );
    const claim = readClaim(request, ['s3'], Date.UTC(2013, 4, 24));
    expect(claim).toMatchObject({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', payload: empty, service: 's3' });
    checkSignature(request, claim, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', empty);
  });
});

describe('a request that nobody signed so', () => {
  const headers = [...host, ...date, 'X-Amz-Target', 'SageMaker.Search', 'Content-Type', 'application/x-amz-json-1.1'];
  const names = 'content-type;host;x-amz-date;x-amz-target';
  const scope = 'AKIDEXAMPLE/20150830/us-east-1/sagemaker/aws4_request';
  const body = sha256('{}');
  const services = ['sagemaker'];
  const sign = (url = '/', all: readonly string[] = headers, signedHeaders = names): SignedRequest => {
    const draft = signed('POST', url, all, signedHeaders, '0'.repeat(64), scope);
    const signature = signatureOf(draft, readClaim(draft, services, vectorsAt), secret, body);
    return signed('POST', url, all, signedHeaders, signature, scope);
  };
  const good = sign();
  const changed = (from: string, to: string): SignedRequest => ({
    ...good,
    rawHeaders: good.rawHeaders.map((text) => text.replace(from, to)),
  });

  it('is the one that is changed after it was signed', () => {
    expect(() => check(good, body, vectorsAt, services)).not.toThrow();
    const wrong: readonly (readonly [SignedRequest, string?])[] = [
      [{ ...good, method: 'PUT' }],
      [{ ...good, url: '/x' }],
      [{ ...good, url: '/?a=1' }],
      [good, sha256('{ }')],
      [changed('SageMaker.Search', 'SageMaker.DeleteTrial')],
      [changed('example.amazonaws.com', 'other.amazonaws.com')],
      [changed('x-amz-json-1.1', 'json')],
      [changed('us-east-1', 'eu-west-1')],
      [changed('T123600Z', 'T123601Z')],
      [changed(/Signature=.+$/.exec(good.rawHeaders.at(-1)!)![0], `Signature=${'0'.repeat(64)}`)],
    ];
    for (const [request, hash] of wrong)
      expect(() => check(request, hash ?? body, vectorsAt, services)).toThrow(/does not match/);
  });

  it('is one of another secret', () => {
    const claim = readClaim(good, services, vectorsAt);
    expect(() => checkSignature(good, claim, `${secret}x`, body)).toThrow(/does not match/);
  });

  it('is one that comes again after five minutes, or from the future', () => {
    const at = (ms: number) => () => readClaim(good, services, vectorsAt + ms);
    for (const ms of [0, 300_000, -300_000]) expect(at(ms)).not.toThrow();
    expect(at(300_001)).toThrow(/Signature expired/);
    expect(at(-300_001)).toThrow(/not yet current/);
  });

  it.each(['host', 'x-amz-date', 'x-amz-target'])('is one that leaves %s unsigned', (name) => {
    const left = names.split(';').filter((each) => each !== name);
    expect(() => sign('/', headers, left.join(';'))).toThrow(`'${name}' must be a 'SignedHeader'`);
  });

  it('is one for another service, day or end of the scope', () => {
    expect(() => readClaim(good, ['s3'], vectorsAt)).toThrow(/correct service/);
    expect(() => readClaim(changed('/20150830/', '/20150831/'), services, vectorsAt)).toThrow(
      /does not match YYYYMMDD/,
    );
    expect(() => readClaim(changed('aws4_request', 'aws5_request'), services, vectorsAt)).toThrow(/terminator/);
  });

  it.each([
    'AWS4-HMAC-SHA256',
    'AWS4-HMAC-SHA256 ',
    'AWS4-HMAC-SHA256 Credential=a',
    'AWS4-HMAC-SHA256x Credential=a/b/c/d/e, SignedHeaders=host, Signature=0',
    `AWS4-HMAC-SHA256 Credential=${scope}, Credential=${scope}, SignedHeaders=${names}, Signature=${'0'.repeat(64)}`,
    `AWS4-HMAC-SHA256 Credential=a//c/d/e, SignedHeaders=${names}, Signature=${'0'.repeat(64)}`,
    `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=x-amz-target;x-amz-date;host, Signature=${'0'.repeat(64)}`,
    `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${names}, Signature=${'0'.repeat(63)}g`,
  ])('is one whose header is torn: %s', (authorization) => {
    const torn = { method: 'POST', url: '/', rawHeaders: [...headers, 'Authorization', authorization] };
    expect(() => readClaim(torn, services, vectorsAt)).toThrow(/Authorization|Credential|SignedHeaders|Signature/);
  });

  it('is one with a header that is there twice, or a date that is none', () => {
    const twice = { ...good, rawHeaders: [...good.rawHeaders, 'X-Amz-Date', '20150830T123600Z'] };
    expect(() => readClaim(twice, services, vectorsAt)).toThrow(/more than once/);
    expect(() => readClaim(changed('20150830T123600Z', 'yesterday'), services, vectorsAt)).toThrow(/ISO-8601/);
    // a second value of a signed header is part of what was signed
    const more = { ...good, rawHeaders: [...good.rawHeaders, 'Content-Type', 'text/plain'] };
    expect(() => check(more, body, vectorsAt, services)).toThrow(/does not match/);
  });
});
