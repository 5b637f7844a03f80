import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageRoutes } from './http-adapter.js';

/** Files of the built page: beside this program, or in the checkout it runs from. */
const builtAt = ['../dashboard', '../../dashboard', '../../dist/dashboard'];

/**
 * The single page. All its addresses are relative to its base, which is written into it as it is served: behind a reverse proxy that
 * serves the tracker below a path and takes the path off, the proxy names it in X-Forwarded-Prefix.
 */
export async function serveDashboard(app: NestFastifyApplication): Promise<void> {
  const root = builtAt
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(`${path}/index.html`) && existsSync(`${path}/assets`));
  if (!root) return;
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(
    fastifyStatic as never,
    {
      root: `${root}/assets`,
      prefix: '/assets/',
      serve: true,
      wildcard: false,
      setHeaders: (reply: { header(name: string, value: string): void }) => {
        reply.header('cache-control', 'public, max-age=31536000, immutable');
      },
    } as never,
  );
  const [head, tail] = readFileSync(`${root}/index.html`, 'utf8').split(baseOfBuild) as [string, string];
  const page = (request: FastifyRequest, reply: FastifyReply): void => {
    void reply
      .header('cache-control', 'no-cache')
      .header('vary', 'x-forwarded-prefix')
      .type('text/html; charset=utf-8')
      .send(`${head}<base href="${prefixOf(request.headers['x-forwarded-prefix'])}/" />${tail}`);
  };
  for (const path of ['/', '/index.html', ...pageRoutes.flatMap((one) => [one, `${one}/*`]), ...tenantRoutes])
    fastify.get(path, page);
}

const baseOfBuild = '<base href="/" />';
/** Links that MLflow's client prints for a tenant: what they lead to stands in their fragment. */
export const tenantRoutes = ['/t/:tenant', '/t/:tenant/'] as const;

/** What a browser puts before our addresses; anything but a plain path is nobody's prefix. */
export function prefixOf(header: string | readonly string[] | undefined): string {
  const first = (typeof header === 'string' ? header : (header?.[0] ?? '')).split(',')[0]!.trim().replace(/\/+$/, '');
  return /^(\/[\w.~-]+)+$/.test(first) ? first : '';
}
