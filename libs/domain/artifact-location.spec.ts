import { expect, it } from 'vitest';
import { artifactLocation, locationBelow, locationTag, modelLocation, storedPath } from './artifact-location.js';

it("files lie below the project's number, or where its client said", () => {
  expect(artifactLocation({ number: 3, tags: {} })).toBe('mlflow-artifacts:/3');
  expect(modelLocation({ number: 3, tags: { [locationTag]: 's3://b/p' } }, 'm-1')).toBe(
    's3://b/p/models/m-1/artifacts',
  );
});

it('a query stays at the end of an address', () => {
  expect(locationBelow('s3://bucket/p?x=y', 'r/artifacts')).toBe('s3://bucket/p/r/artifacts?x=y');
  expect(locationBelow('s3://bucket/p/?x=y#z', 'r')).toBe('s3://bucket/p/r?x=y#z');
  expect(locationBelow('s3://bucket/', 'r')).toBe('s3://bucket/r');
});

it('a path of ours is told from bytes that lie elsewhere', () => {
  expect(storedPath('mlflow-artifacts:/1/abc/artifacts/')).toBe('1/abc/artifacts');
  expect(storedPath('mlflow-artifacts://host:80/1/abc')).toBe('1/abc');
  expect(storedPath('s3://b/p')).toBeNull();
});
