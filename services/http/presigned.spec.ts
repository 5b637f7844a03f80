import { describe, expect, it } from 'vitest';
import { isPresigned, presign, readPresigned } from './presigned.js';
import { checkSignature } from './sigv4.js';

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const then = Date.UTC(2013, 4, 24);
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const url =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
  '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';
const host = 'examplebucket.s3.amazonaws.com';
const check = (asked = url, nowMs = then, headers: readonly string[] = [], method = 'GET'): void => {
  const { claim, signed } = readPresigned(
    { method, url: asked, rawHeaders: ['Host', host, ...headers] },
    ['s3'],
    nowMs,
  );
  checkSignature(signed, claim, secret, claim.payload);
};

describe('an address that is signed', () => {
  it("is let in as AWS's published example is, until it expires", () => {
    expect(isPresigned(url)).toBe(true);
    check();
    check(url, then + 86_400_000);
    check(url, then - 60_000);
  });

  it('is the one that we sign ourselves', () => {
    const asked = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', region: 'us-east-1', method: 'GET', host } as const;
    const made = presign({ ...asked, secret, path: '/test.txt', expiresS: 86_400, nowMs: then });
    expect(`/test.txt?${made}`).toBe(url);
  });

  it.each([
    ['too late', url, then + 86_401_000, 'AccessDenied'],
    ['too early', url, then - 600_000, 'AccessDenied'],
    ['for another object', url.replace('test.txt', 'other.txt'), then, 'InvalidSignatureException'],
    ['for longer', url.replace('Expires=86400', 'Expires=86401'), then, 'InvalidSignatureException'],
    ['for weeks', url.replace('Expires=86400', 'Expires=1864000'), then, 'AuthorizationQueryParametersError'],
    ['with one parameter more', `${url}&versionId=1`, then, 'InvalidSignatureException'],
    ['with a parameter twice', `${url}&X-Amz-Expires=1`, then, 'AuthorizationQueryParametersError'],
    ['in another region', url.replace('us-east-1', 'us-east-2'), then, 'InvalidSignatureException'],
    ['without its date', url.replace('X-Amz-Date', 'Date'), then, 'AuthorizationQueryParametersError'],
    [
      'as nobody signs any more',
      '/test.txt?AWSAccessKeyId=a&Signature=b&Expires=1',
      then,
      'AuthorizationQueryParametersError',
    ],
  ])('is refused %s', (_why, asked, nowMs, code) => {
    expect(isPresigned(asked)).toBe(true);
    expect(() => check(asked, nowMs)).toThrow(expect.objectContaining({ code }));
  });

  it('is refused with another verb, headers that matter and were not signed, or a second signature', () => {
    expect(() => check(url, then, [], 'PUT')).toThrow(expect.objectContaining({ code: 'InvalidSignatureException' }));
    expect(() => check(url, then, ['x-amz-acl', 'x'])).toThrow(expect.objectContaining({ code: 'AccessDenied' }));
    const both = ['Authorization', 'AWS4-HMAC-SHA256 x'];
    expect(() => check(url, then, both)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
  });
});
