#!/usr/bin/env node
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Sender } from './sender.js';

/** Delivers what processes that are gone left: runstream-sync [dir] */
const root = resolve(process.argv[2] ?? process.env['RUNSTREAM_DIR'] ?? '.runstream');
const folders = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('meta.json'))
  .map((path) => dirname(join(root, path)));
for (const folder of folders) {
  const sender = new Sender({
    folder,
    parentPid: 0,
    url: process.env['RUNSTREAM_URL'],
    apiKey: process.env['RUNSTREAM_API_KEY'],
    patienceMs: 30_000,
  });
  try {
    await sender.run();
    process.stdout.write(`${sender.meta.run}: ${sender.records} records delivered\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${folder}: ${(error as Error).message}\n`);
  }
}
