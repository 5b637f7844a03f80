import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from './configuration.js';

const keys = { RUNSTREAM_S3_ACCESS_KEY: 'key', RUNSTREAM_S3_SECRET_KEY: 'secret' };
const read = (address: string, environment: Readonly<Record<string, string>> = keys) =>
  readConfiguration({ ...environment, RUNSTREAM_ARTIFACTS: address }, '/tmp').artifacts;
const refusal = (address: string, environment?: Readonly<Record<string, string>>): string => {
  try {
    read(address, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
  }
  return '';
};

describe('s3: addresses', () => {
  it('name a bucket, a folder in it and a server', () => {
    expect(read('s3://models/team-a/?endpoint=http://minio:9000&region=eu-1&public=https://s3.example.com')).toEqual({
      kind: 's3',
      address: {
        bucket: 'models',
        prefix: 'team-a/',
        endpoint: 'http://minio:9000',
        publicEndpoint: 'https://s3.example.com',
        region: 'eu-1',
        pathStyle: true,
        accessKey: 'key',
        secretKey: 'secret',
        sessionToken: null,
      },
    });
  });

  it('without a server are those of AWS, with the credentials its tools know', () => {
    const aws = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: 'c' };
    expect(read('s3://models?region=eu-central-1', aws)).toMatchObject({
      address: {
        prefix: '',
        endpoint: 'https://s3.eu-central-1.amazonaws.com',
        pathStyle: false,
        accessKey: 'a',
        secretKey: 'b',
        sessionToken: 'c',
      },
    });
  });

  it('that are wrong say everything that is wrong, and no secret', () => {
    const said = refusal('s3://user:hunter2@models?endpoint=minio:9000&path_style=yes&acl=public', {});
    expect(said).toMatch(/keys do not belong in the address/);
    expect(said).toMatch(/endpoint: "minio:9000" is no endpoint/);
    expect(said).toMatch(/path_style: "yes"/);
    expect(said).toMatch(/"acl" is not known; expected endpoint, region, public, path_style/);
    expect(said).toMatch(/needs RUNSTREAM_S3_ACCESS_KEY and RUNSTREAM_S3_SECRET_KEY/);
    expect(said).not.toContain('hunter2');
    expect(refusal('s3://My_Bucket?endpoint=http://x')).toMatch(/no name of a bucket/);
    expect(refusal('s3:')).toMatch(/is no address/);
  });
});
