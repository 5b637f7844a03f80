import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface EntryPoint {
  readonly path: string;
  readonly execArgv: readonly string[];
}

/**
 * File of a worker or child process beside the caller. Running from source (tests, tools) it is TypeScript and needs the tsx
 * loader and the "source" condition of our imports map; running from dist it is plain JavaScript.
 */
export function entryPoint(callerUrl: string, name: string): EntryPoint {
  const fromSource = callerUrl.endsWith('.ts');
  const path = fileURLToPath(new URL(`${name}.${fromSource ? 'ts' : 'js'}`, callerUrl));
  const execArgv = fromSource ? ['--conditions=source', '--import', tsxLoader()] : [];
  return { path, execArgv };
}

// not import.meta.resolve: test runners that transform modules do not have it
function tsxLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
