import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql } from '../rigs/client.js';
import { mlflowInstalled, runScript } from '../rigs/mlflow-rig.js';
import { openS3Rig, type S3Rig } from '../rigs/s3-rig.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

/** The sizes from which the client cuts files, made small. */
const inParts = {
  MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'true',
  MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'true',
  MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE: '6000000',
  MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE: '5242880',
  MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE: '6000000',
  MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE: '5242880',
};

describe.skipIf(!mlflowInstalled).each(['a folder', 'S3'])(
  "large files of MLflow's unmodified client in %s (skipped where it is not installed)",
  (place) => {
    let rig: ServerRig;
    let s3: S3Rig | null = null;
    let bucket = '';
    beforeAll(async () => {
      const environment: Record<string, string> = {};
      if (place === 'S3') {
        s3 = await openS3Rig();
        const made = await s3.newBucket();
        bucket = made.bucket;
        environment['RUNSTREAM_ARTIFACTS'] = `s3://${bucket}?endpoint=${s3.endpoint}`;
        environment['RUNSTREAM_S3_ACCESS_KEY'] = made.accessKey;
        environment['RUNSTREAM_S3_SECRET_KEY'] = made.secretKey;
      }
      rig = await openServerRig(environment);
    }, 900_000);
    afterAll(async () => {
      await rig?.close();
      await s3?.close();
    });
    const ask = (path: string, body: unknown) =>
      fetch(`${rig.server.url}/api/2.0/mlflow-artifacts/mpu/${path}`, { method: 'POST', body: JSON.stringify(body) });

    it('go in parts past the server where they can, and through it where they can not', async () => {
      const { run: id } = await runScript<{ run: string }>(rig.server.url, ['large.py'], inParts);
      const asked = 'query($id: ID!) { run(id: $id) { artifacts { name sizeBytes } } }';
      const { run } = await gql(rig.server.url, asked, { id });
      expect(run.artifacts).toContainEqual({ name: 'check points/last/weights 1.bin', sizeBytes: 12_345_678 });
      if (!s3) return;
      const names: string[] = [];
      for await (const { name } of s3.client.listObjectsV2(bucket, '', true) as AsyncIterable<{ name: string }>)
        names.push(name);
      expect(names.filter((name) => /incoming\/\w+\.done$/.test(name))).toHaveLength(1);
    });

    it('are refused in words their users know', async () => {
      const created = await ask('create/1/a', { path: '/home/me/x.bin', num_parts: 2 });
      const { upload_id, credentials, ...more } = (await created.json()) as any;
      if (!s3) {
        expect([created.status, more]).toMatchObject([501, { error_code: 'NOT_IMPLEMENTED' }]);
        expect(more.message).toMatch(/^Multipart upload is not supported for the current artifact repository/);
        return;
      }
      expect([created.status, credentials.length]).toEqual([200, 2]);
      const bad = { part_number: 1, etag: '"00000000000000000000000000000000"' };
      const refusals: readonly [string, unknown, number, RegExp][] = [
        ['create/1/a', { path: 'x.bin' }, 400, /num_parts/],
        ['create/1/a', { path: 'x.bin', num_parts: 0 }, 400, /parts: 0/],
        ['create/1/a', { num_parts: 1 }, 400, /'path'/],
        ['create/1/..%2Fa', { path: 'x.bin', num_parts: 1 }, 400, /Invalid path/],
        ['create/1/a', { path: '..', num_parts: 1 }, 400, /Invalid path/],
        ['complete/1/a', { path: 'x.bin', upload_id, parts: [bad] }, 400, /the store has others/],
        ['complete/1/a', { path: 'x.bin', upload_id, parts: [{ part_number: 1 }] }, 400, /parts\[0\].etag/],
        ['complete/1/a', { path: 'x.bin', upload_id }, 400, /parts: 0/],
        ['complete/1/a', { path: 'x.bin', upload_id: '../x', parts: [bad] }, 400, /upload id/],
        ['abort/1/a', { path: 'x.bin' }, 400, /upload_id/],
      ];
      for (const [path, body, status, text] of refusals) {
        const answer = await ask(path, body);
        expect([answer.status, await answer.text()], path).toEqual([status, expect.stringMatching(text)]);
      }
      expect((await ask('abort/1/a', { path: 'x.bin', upload_id })).status).toBe(200);
      expect((await ask('complete/1/a', { path: 'x.bin', upload_id, parts: [bad] })).status).toBe(404);
    });
  },
);
