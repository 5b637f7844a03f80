import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Made by tools/sdk-packages.mjs: beside this program, or in the checkout it runs from. */
const builtAt = ['../../sdk', '../../dist/sdk'];

/**
 * `pip install http://server/sdk/python/` and `npm install http://server/sdk/typescript`: the SDKs of this server's version, for
 * machines that reach nothing else. They hold no data and need no key.
 */
export function serveSdkPackages(app: NestFastifyApplication): void {
  const folder = builtAt.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
  if (folder === undefined) return;
  const fastify = app.getHttpAdapter().getInstance();
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  const send = (reply: FastifyReply, name: string | undefined): unknown => {
    const bytes = name === undefined ? undefined : files.get(name);
    if (name === undefined || bytes === undefined)
      return reply.status(404).send({
        error: { code: 'NOT_FOUND', message: `there is no such package; there are ${[...files.keys()].join(', ')}` },
      });
    return reply
      .header('content-type', name.endsWith('.tgz') ? 'application/gzip' : 'application/zip')
      .header('content-disposition', `attachment; filename="${name}"`)
      .header('cache-control', 'no-cache')
      .send(bytes);
  };
  const ending = (end: string) => [...files.keys()].find((name) => name.endsWith(end));
  for (const path of ['/sdk/python', '/sdk/python/'])
    fastify.get(path, (_: FastifyRequest, reply: FastifyReply) => send(reply, ending('.zip')));
  for (const path of ['/sdk/typescript', '/sdk/typescript/'])
    fastify.get(path, (_: FastifyRequest, reply: FastifyReply) => send(reply, ending('.tgz')));
  // by name, for tools that want one in the address
  fastify.get('/sdk/:file', (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, (request.params as { file: string }).file),
  );
}
