#!/usr/bin/env node
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { spoolRoots } from './places.js';
import { Sender } from './sender.js';

/** Delivers what processes that are gone left: runstream-sync [dir] */
const folders = spoolRoots(process.argv[2]).flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'meta.json')
    .map((path) => dirname(join(root, path))),
);
for (const folder of folders) {
  try {
    const sender = new Sender({
      folder,
      parentPid: 0,
      url: process.env['RUNSTREAM_URL'],
      apiKey: process.env['RUNSTREAM_API_KEY'],
      patienceMs: 30_000,
    });
    await sender.run();
    for (const { name } of sender.failed) {
      process.exitCode = 1;
      process.stderr.write(`${sender.meta.run}: the file ${name} is not delivered, and kept in ${folder}\n`);
    }
    process.stdout.write(`${sender.meta.run}: ${sender.records} records delivered\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${folder}: ${(error as Error).message}\n`);
  }
}
