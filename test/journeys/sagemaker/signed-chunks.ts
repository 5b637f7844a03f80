import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { signedPayload } from '../../../services/http/signed-chunks.js';
import { basicTime, scopeOf, sha256, signatureOf, signingKey, type Claim } from '../../../services/http/sigv4.js';
import type { AwsPair } from '../../rigs/sagemaker-rig.js';

const chunks = ['a'.repeat(70_000), 'the rest'];

/** An upload as AWS's clients for Java and MinIO's for Go send it over plain HTTP: every chunk is signed over the one before. */
export async function putSignedChunks(url: string, { keyId, secret }: AwsPair): Promise<void> {
  const path = '/s3/of-runs/chunked.txt';
  const put = async (change: (text: string) => string): Promise<string> => {
    const timestamp = basicTime(Date.now());
    const length = chunks.join('').length;
    const headers = {
      host: new URL(url).host,
      'x-amz-content-sha256': signedPayload,
      'x-amz-date': timestamp,
      'x-amz-decoded-content-length': String(length),
    };
    const claim: Claim = {
      ...{ accessKeyId: keyId, timestamp, day: timestamp.slice(0, 8), region: 'eu-central-1', service: 's3' },
      ...{ signedHeaders: Object.keys(headers), signature: '', payload: signedPayload },
    };
    const request = { method: 'PUT', url: path, rawHeaders: Object.entries(headers).flat() };
    const seed = signatureOf(request, claim, secret, signedPayload);
    let before = seed;
    const lines = [...chunks, ''].map((chunk) => {
      const text = ['AWS4-HMAC-SHA256-PAYLOAD', timestamp, scopeOf(claim), before, sha256(''), sha256(chunk)].join(
        '\n',
      );
      before = createHmac('sha256', signingKey(secret, claim)).update(text).digest('hex');
      return `${chunk.length.toString(16)};chunk-signature=${before}\r\n${chunk}\r\n`;
    });
    const authorization = `AWS4-HMAC-SHA256 Credential=${keyId}/${scopeOf(claim)}, SignedHeaders=${claim.signedHeaders.join(';')}, Signature=${seed}`;
    const sent = { ...headers, authorization, 'content-encoding': 'aws-chunked' };
    const answer = await fetch(`${url}${path}`, { method: 'PUT', headers: sent, body: change(lines.join('')) });
    return `${answer.status} ${/<Code>(\w+)/.exec(await answer.text())?.[1] ?? ''}`.trim();
  };
  const read = async (): Promise<string> => (await fetch(`${url}${path}`)).text();
  expect(await put((text) => text.replace('the rest', 'the best'))).toBe('403 SignatureDoesNotMatch');
  expect(await put((text) => text.replace(/70000|11170/, '11171'))).toMatch(/^40[03] /);
  expect(await read()).toContain('NoSuchKey');
  expect(await put((text) => text)).toBe('200');
  expect(await read()).toBe(chunks.join(''));
}
