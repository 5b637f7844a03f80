import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeModelRegistry, type OpenedRegistry } from '#libs/registry/model-registry.contract.js';
import { openPostgresModelRegistry } from '#libs/registry/postgres-model-registry.js';
import { openPostgresTrackingTables } from './postgres-tracking-tables.js';
import { describeTrackingTables, type OpenedTracking } from './tracking-tables.contract.js';
import { openPostgresRunTable } from './postgres-run-table.js';
import { openRunProjectionFamily } from './run-projection.js';
import { describeRunTable, type RunTables } from './run-table.contract.js';
import { describeRunFacts } from './run-table.facts.contract.js';
import { PostgresDatabase } from '#libs/postgres/postgres-database.js';
import { describeSqlDatabase } from '#libs/postgres/sql-database.contract.js';

const installed = '/usr/lib/postgresql';
const version = existsSync(installed) ? readdirSync(installed).sort().at(-1) : undefined;
const bin = join(installed, version ?? '', 'bin');

describe.skipIf(!existsSync(join(bin, 'initdb')))('PostgreSQL server (skipped where none is installed)', () => {
  let dir: string;
  let server: ChildProcess;
  let database: PostgresDatabase;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'runstream-postgres-'));
    // initdb and postgres refuse to run as root
    const root = process.getuid?.() === 0;
    const as = (command: string, args: string[]): [string, string[]] =>
      root ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', command, ...args]] : [command, args];
    if (root) {
      chmodSync(dir, 0o755);
      execFileSync('chown', ['postgres:postgres', dir]);
    }
    const data = join(dir, 'data');
    execFileSync(
      ...as(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '--no-sync', '--locale=C.UTF-8', '-A', 'trust']),
      { stdio: 'ignore' },
    );
    const port = await freePort();
    server = spawn(
      ...as(join(bin, 'postgres'), [
        '-D',
        data,
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
        '-c',
        'fsync=off',
      ]),
      { stdio: 'ignore' },
    );
    database = new PostgresDatabase({ url: `postgres://postgres@127.0.0.1:${port}/postgres` });
    for (let tries = 0; ; tries++) {
      const up = await database.query('select 1').then(
        () => true,
        (error: unknown) => {
          if (tries > 100) throw error;
          return false;
        },
      );
      if (up) break;
      await sleep(100);
    }
  });
  afterAll(async () => {
    await database.close();
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGINT');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });

  describeSqlDatabase('PostgreSQL', async () => database);
  const open = async (): Promise<RunTables & OpenedTracking & OpenedRegistry> => {
    await database.script(
      'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
    );
    const family = await openRunProjectionFamily({ database });
    await family.live();
    const tables = { database, generations: () => family.generations() };
    const [tracking, registry] = [openPostgresTrackingTables(tables), openPostgresModelRegistry(tables)];
    return { family, table: openPostgresRunTable(tables), tracking, registry };
  };
  describeTrackingTables('PostgreSQL', open);
  describeModelRegistry('PostgreSQL', open);
  describeRunTable('PostgreSQL', open);
  describeRunFacts('PostgreSQL', open);
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
