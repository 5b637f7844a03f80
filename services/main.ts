#!/usr/bin/env node
import '#libs/config/production.js';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// what the build made of the program and all that it uses: 60 files instead of 2,200 (decision 0055). From source there is none
const built = new URL('../program/program.js', import.meta.url);
const keepsCompiled = module as { enableCompileCache?: (folder: string) => unknown };
if (existsSync(built)) {
  // Node 22 and newer: code that was compiled once is kept beside it, where we may write
  keepsCompiled.enableCompileCache?.(fileURLToPath(new URL('compiled', built)));
  await import(built.href);
} else {
  await import('./cli/program.js');
}
