import type { FastifyRequest } from 'fastify';
import { prefixOf } from './dashboard.js';

const headerOf = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name];
  return typeof value === 'string' ? value.slice(0, 200) : '';
};

/** Our address as the client reached it, behind whatever stands in front of it. */
export function outerAddress(request: FastifyRequest): string {
  const said = headerOf(request, 'x-forwarded-proto').split(',')[0]!.trim();
  const scheme = said === 'https' || said === 'http' ? said : request.protocol;
  const host = headerOf(request, 'x-forwarded-host').split(',')[0]!.trim() || request.headers.host || 'localhost';
  return `${scheme}://${host}${prefixOf(request.headers['x-forwarded-prefix'])}`;
}
