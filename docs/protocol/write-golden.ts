/**
 * Writes the golden examples: for each *.json here the exact bytes of its EventBatch, by the server's own codec.
 * Run: npm run golden
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readWireEvents } from '#libs/domain/wire/golden-example.js';
import { writeEventBatch } from '#libs/domain/wire/batch-codec.js';

for (const folder of [new URL('./', import.meta.url), new URL('./doors/', import.meta.url)]) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const example: unknown = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    const bytes = writeEventBatch(readWireEvents(example));
    writeFileSync(new URL(name.replace(/\.json$/, '.bin'), folder), bytes);
    process.stdout.write(`${name}: ${bytes.length} bytes\n`);
  }
}
