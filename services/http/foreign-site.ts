import type { IncomingHttpHeaders } from 'node:http';

/**
 * The web page of another site behind a request, null when there is none. A browser says it by `Origin`, or by `Sec-Fetch-Site` where it
 * sends no `Origin` (images, forms and links of a GET); no page can forge either. Programs send neither. A page on another port of this
 * machine is another site as well.
 */
export function foreignSite(headers: IncomingHttpHeaders, allowed: readonly string[]): string | null {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin') return null;
  if (origin === undefined) return site === undefined || site === 'none' ? null : 'another site';
  if (allowed.includes(origin)) return null;
  if (!URL.canParse(origin)) return origin;
  // a browser leaves out the port that its scheme has by itself; a proxy may not
  const named = new URL(origin).host;
  return named === host || named === host?.replace(/:(80|443)$/, '') ? null : origin;
}
