// What tsc does not carry into dist: generated JavaScript and files that are read at run time.
import { cpSync, existsSync } from 'node:fs';

const wire = ['runstream', 'otlp'].map((name) => `libs/domain/wire/generated/${name}.js`);
const assets = [...wire, 'services/gateway/schema.graphql', 'demo/data'];
for (const asset of assets) if (existsSync(asset)) cpSync(asset, `dist/${asset}`, { recursive: true });
