// A real S3 server for tests, built from the Go module proxy once and kept: `node tools/s3-server.mjs versitygw|minio` prints where it is.
// versitygw (Apache-2.0) builds in 3 minutes and serves every run; MinIO (AGPL-3.0, only run as a process, nothing of it is linked or shipped) in 8.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../node_modules/.cache/engines', import.meta.url));
const servers = {
  versitygw: ['github.com/versity/versitygw/cmd/versitygw', 'v1.8.0'],
  // MinIO's own tags are no Go versions: this is its last published state
  minio: ['github.com/minio/minio', 'v0.0.0-20260212201848-7aac2a2c5b7c'],
};

const [name] = process.argv.slice(2);
const server = servers[name];
if (!server) {
  console.error(`expected one of ${Object.keys(servers).join(', ')}`);
  process.exit(2);
}
const [module, version] = server;
const folder = join(cache, `${name}-${version}`);
const binary = join(folder, name);
if (!existsSync(binary) && !process.argv.includes('--kept')) {
  mkdirSync(cache, { recursive: true });
  // made aside and moved into place, so that several processes may do it at once
  const aside = mkdtempSync(`${folder}-`);
  const { status, error } = spawnSync('go', ['install', '-trimpath', '-ldflags=-s -w', `${module}@${version}`], {
    env: { ...process.env, GOBIN: aside, GOFLAGS: '-modcacherw' },
    stdio: ['ignore', 2, 2],
  });
  if (error || status !== 0) {
    rmSync(aside, { recursive: true, force: true });
    console.error(`${name} can't be built: ${error?.message ?? `go ended with ${status}`}`);
    process.exit(1);
  }
  if (existsSync(folder)) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, folder);
}
if (existsSync(binary)) console.log(binary);
