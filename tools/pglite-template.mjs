// An initialised PGlite cluster for first starts; made again when PGlite changes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@electric-sql/pglite/package.json', 'utf8'));
const [file, stamp] = ['dist/pglite-template.tar', 'dist/pglite-template.version'];
if (!existsSync(file) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== version) {
  mkdirSync('dist', { recursive: true });
  const database = await PGlite.create();
  const tar = await database.dumpDataDir('none');
  writeFileSync(file, Buffer.from(await tar.arrayBuffer()));
  await database.close();
  writeFileSync(stamp, version);
}
