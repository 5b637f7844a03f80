// An initialised PGlite cluster for first starts, as a folder and as a tar of it; made again when PGlite changes.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@electric-sql/pglite/package.json', 'utf8'));
const [folder, stamp] = ['dist/pglite-template', 'dist/pglite-template.version'];
if (!existsSync(folder) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== version) {
  mkdirSync('dist', { recursive: true });
  for (const path of [folder, `${folder}.new`]) rmSync(path, { recursive: true, force: true });
  const database = await PGlite.create(`${folder}.new`);
  const tar = await database.dumpDataDir('none');
  writeFileSync(`${folder}.tar`, Buffer.from(await tar.arrayBuffer()));
  await database.close();
  renameSync(`${folder}.new`, folder);
  writeFileSync(stamp, version);
}
