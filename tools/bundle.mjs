// The program and all that it uses in a few files (decision 0055): Node reads them in a quarter of the time that 2,200 modules take.
import { relative, resolve, sep } from 'node:path';
import { rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

const root = resolve('.');
const built = resolve('dist') + sep;
const out = resolve('dist/program');
// native code, files beside the code, and clients that only a cluster needs stay where they are; so do worker and child processes
const external = [/^node:/, 'chdb', 'ffi-rs', 'kafkajs', /^lz4-napi/, /^@electric-sql\/pglite/];

/** A module goes on to find what lies beside it where the compiler put it. */
const ownPlace = {
  name: 'own-place',
  transform: {
    filter: { code: 'import.meta.url' },
    handler: (code, id) =>
      id.startsWith(built)
        ? code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(out, id))}, import.meta.url).href`)
        : null,
  },
};

rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  input: { program: resolve('dist/services/cli/program.js') },
  cwd: root,
  platform: 'node',
  external,
  plugins: [ownPlace],
  onLog(level, log) {
    // transports and validators that Nest loads where they are installed
    if (log.code === 'UNRESOLVED_IMPORT' && /[\\/]@nestjs[\\/]/.test(log.id ?? log.message)) return;
    if (level === 'warn') throw new Error(log.message);
  },
});
await bundle.write({ dir: out, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
await bundle.close();
