import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { S3Address } from '#libs/config/s3-address.js';
import { openS3Rig, s3Server, type S3Rig, type S3ServerName } from '../../test/rigs/s3-rig.js';
import { bytesOf, brokenStream, describeArtifactStore, digestOfBytes, streamOf } from './artifact-store.contract.js';
import type { SentPart } from './artifact-store.js';
import { openMinioArtifactStore, type OpenedMinioArtifactStore } from './minio-artifact-store.js';
import { partBytes } from './minio-parts.js';

const randomHex = (): string => randomBytes(16).toString('hex');
const buildMs = 900_000;
// versitygw in every run; the real MinIO too where it was built
const servers: readonly S3ServerName[] = s3Server('minio', { build: false }) ? ['versitygw', 'minio'] : ['versitygw'];

describe.each(servers)('on %s', (server) => {
  let rig: S3Rig;
  const opened: OpenedMinioArtifactStore[] = [];
  const open = async (address: S3Address, clock: () => number = Date.now): Promise<OpenedMinioArtifactStore> => {
    const store = await openMinioArtifactStore({ address, clock, randomHex });
    opened.push(store);
    return store;
  };
  beforeAll(async () => {
    rig = await openS3Rig(server);
  }, buildMs);
  afterAll(async () => {
    for (const store of opened) store.close();
    await rig?.close();
  });
  const namesOf = async (bucket: string): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of rig.client.listObjectsV2(bucket, '', true) as AsyncIterable<{ name: string }>)
      names.push(name);
    return names;
  };
  const partsOf = async (bucket: string): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const item of rig.client.listIncompleteUploads(bucket, '', true)) found.push(item);
    return found;
  };

  describeArtifactStore('MinioArtifactStore', async (clock) => {
    const address = await rig.newBucket();
    let store = await open(address, clock);
    return {
      store,
      reopen: async () => {
        store.close();
        return (store = await open(address, clock));
      },
      damage: async (digest) => {
        const name = `runstream/objects/${digest.slice(7, 9)}/${digest.slice(9)}`;
        const bytes = await bytesOf(await rig.client.getObject(address.bucket, name));
        bytes[bytes.length >> 1]! ^= 1;
        await rig.client.putObject(address.bucket, name, bytes);
      },
      fail: async () => {
        await rig.kill();
        return () => rig.start();
      },
      dispose: () => Promise.resolve(store.close()),
    };
  });

  describe('MinioArtifactStore', () => {
    // three parts, the last one short
    const large = randomBytes(2 * partBytes(1) + 1_234_567);
    const digest = digestOfBytes(large);

    test('takes what is larger than a part, with a digest and without', async () => {
      const address = await rig.newBucket();
      const store = await open(address);
      const objectName = `runstream/objects/${digest.slice(7, 9)}/${digest.slice(9)}`;
      expect(await store.put(streamOf(large))).toEqual({ digest, sizeBytes: large.length });
      expect(await namesOf(address.bucket)).toEqual([objectName]);
      await rig.client.removeObject(address.bucket, objectName);
      expect(await store.put(streamOf(large), { digest })).toEqual({ digest, sizeBytes: large.length });
      expect((await bytesOf(await store.get(digest))).equals(large)).toBe(true);
      const [start, end] = [partBytes(1) - 5, partBytes(1) + 5];
      expect(await bytesOf(await store.get(digest, { start, end }))).toEqual(large.subarray(start, end));
      expect(await partsOf(address.bucket)).toEqual([]);
    });

    test('leaves no parts of what was refused or broke off', async () => {
      const address = await rig.newBucket();
      const store = await open(address);
      const other = digestOfBytes(Buffer.from('other'));
      await expect(store.put(streamOf(large), { digest: other })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(store.put(brokenStream(large), { digest })).rejects.toThrow('connection lost');
      await expect(store.put(brokenStream(large))).rejects.toThrow('connection lost');
      expect([await namesOf(address.bucket), await partsOf(address.bucket)]).toEqual([[], []]);
    });

    test('an upload goes on in another process, whose writers keep out of each other', async () => {
      const address = await rig.newBucket();
      const [first, second] = [await open(address), await open(address)];
      await first.append('u', 0, streamOf(large.subarray(0, 9_000_000)));
      expect(await second.uploadedBytes('u')).toBe(9_000_000);
      const rest = large.subarray(9_000_000);
      const outcomes = await Promise.allSettled([
        first.append('u', 9_000_000, streamOf(rest)),
        second.append('u', 9_000_000, streamOf(rest)),
      ]);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toMatchObject([{ reason: { code: 'LIMIT_EXCEEDED', message: /another request is writing it/ } }]);
      expect(await second.complete('u', digest)).toEqual({ digest, sizeBytes: large.length });
      expect((await bytesOf(await first.get(digest))).equals(large)).toBe(true);
      expect((await namesOf(address.bucket)).filter((name) => name.includes('uploads/'))).toEqual([]);
    });

    test('gives addresses with which clients move bytes past us, both ways, for a while', async () => {
      const address = await rig.newBucket();
      const store = await open(address);
      const bytes = Buffer.from('straight to the store');
      const own = digestOfBytes(bytes);
      const upload = await store.links!.upload('direct', 60);
      expect((await fetch(upload, { method: 'PUT', body: bytes })).status).toBe(200);
      expect(await store.stat(own)).toBeNull();
      expect(await store.complete('direct', own)).toEqual({ digest: own, sizeBytes: bytes.length });
      const answer = await fetch(await store.links!.download(own, 60, 'ein Modell.pt'));
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
      expect(answer.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''ein%20Modell.pt");
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      // other bytes than were promised are no artifact, and an address is good for one object and for a while
      await fetch(await store.links!.upload('lied', 60), { method: 'PUT', body: 'other bytes' });
      await expect(store.complete('lied', own)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect((await fetch(upload.replace('direct', 'another'), { method: 'PUT', body: bytes })).status).toBe(403);
      const short = await store.links!.download(own, 1, 'x');
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      expect((await fetch(short)).status).toBe(403);
      await expect(store.links!.download(digest, 60, 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('takes an object in parts that clients put past us, answers again what it answered, and forgets what was given up', async () => {
      const address = await rig.newBucket();
      const store = await open(address);
      const links = store.links!;
      const cut = [large.subarray(0, 6_000_000), large.subarray(6_000_000, 12_000_000), large.subarray(12_000_000)];
      const send = async (urls: readonly string[]): Promise<SentPart[]> => {
        const sent: SentPart[] = [];
        // in another order, one of them twice, as by a sender that did not hear of the first time
        for (const at of [2, 0, 0, 1]) {
          const answer = await fetch(urls[at]!, { method: 'PUT', body: cut[at]! });
          expect(answer.status).toBe(200);
          sent[at] = { part: at + 1, etag: answer.headers.get('etag')! };
        }
        return sent;
      };
      const { uploadId, urls } = await links.startParts(3, 60);
      expect(urls).toHaveLength(3);
      const sent = await send(urls);
      const wrong = sent.map((part) => ({ ...part, etag: '"0123456789abcdef0123456789abcdef"' }));
      await expect(links.completeParts(uploadId, wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      for (let time = 0; time < 2; time++)
        expect(await links.completeParts(uploadId, sent)).toEqual({ digest, sizeBytes: large.length });
      expect((await bytesOf(await store.get(digest))).equals(large)).toBe(true);
      // killed after it was noted and before it was moved
      const killed = await links.startParts(3, 60);
      const again = await send(killed.urls);
      const [id, inner] = [killed.uploadId.split('.')[0]!, killed.uploadId.slice(killed.uploadId.indexOf('.') + 1)];
      await rig.client.completeMultipartUpload(address.bucket, `runstream/incoming/${id}`, inner, again);
      expect(await links.completeParts(killed.uploadId, again)).toEqual({ digest, sizeBytes: large.length });
      // given up, unknown, made up
      const given = await links.startParts(1, 60);
      await links.abortParts(given.uploadId);
      await links.abortParts(given.uploadId);
      await expect(links.completeParts(given.uploadId, sent)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(links.completeParts('../objects/ab', sent)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(links.startParts(10_001, 60)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await partsOf(address.bucket)).toEqual([]);
      expect((await namesOf(address.bucket)).filter((name) => name.includes('incoming/'))).toEqual([
        expect.stringMatching(/\.done$/),
        expect.stringMatching(/\.done$/),
      ]);
    });

    test('removes what killed processes left: parts without an object, and puts without a name', async () => {
      const address = await rig.newBucket();
      const store = await open(address);
      await rig.client.initiateNewMultipartUpload(address.bucket, 'runstream/objects/ab/cd', {});
      await rig.client.initiateNewMultipartUpload(address.bucket, 'somebody-else/object', {});
      await rig.client.putObject(address.bucket, 'runstream/incoming/left', 'bytes');
      await rig.client.putObject(address.bucket, 'runstream/uploads/gone/0000000000000000', 'bytes');
      expect(await store.removeStaleUploads(Date.now() - 60_000)).toBe(0);
      expect(await store.removeStaleUploads(Date.now() + 60_000)).toBe(3);
      expect(await namesOf(address.bucket)).toEqual([]);
      expect(await partsOf(address.bucket)).toMatchObject([{ key: 'somebody-else/object' }]);
    });

    test('says at boot what is wrong', async () => {
      const address = await rig.newBucket();
      await expect(open({ ...address, bucket: 'not-there' })).rejects.toThrow(
        /RUNSTREAM_ARTIFACTS: bucket "not-there" at http.* does not exist/,
      );
      await expect(open({ ...address, secretKey: 'wrong-secret' })).rejects.toThrow(
        /can't be used: .*(SignatureDoesNotMatch|AccessDenied|Forbidden)/,
      );
      await expect(open({ ...address, endpoint: 'http://127.0.0.1:1' })).rejects.toThrow(/can't be used: ECONNREFUSED/);
    });
  });
});
