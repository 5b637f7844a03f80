// What tsc does not carry into dist: generated JavaScript and files that are read at run time.
import { cpSync, existsSync } from 'node:fs';

const assets = ['libs/domain/wire/generated/runstream.js', 'services/gateway/schema.graphql', 'demo/data'];
for (const asset of assets) if (existsSync(asset)) cpSync(asset, `dist/${asset}`, { recursive: true });
