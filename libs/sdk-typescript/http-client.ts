import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, BlockList, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect, rootCertificates } from 'node:tls';

/** HTTP to the server, through a proxy where one is set. Says what a request came to, never retries by itself. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
const loopback = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);
const proxyTrouble = new Set([403, 407, 502, 503, 504]);
const timeoutMs = 120_000;

/** Throws a RangeError that names the setting. */
export function checkUrl(url: string): URL {
  let read: URL;
  try {
    read = new URL(url.includes('://') ? url : `http://${url}`);
  } catch {
    throw new RangeError(`url: "${url}" is not an address`);
  }
  if (!['http:', 'https:'].includes(read.protocol))
    throw new RangeError(`url: "${url}" is not an http or https address`);
  return read;
}

export class HttpClient {
  readonly #url: URL;
  readonly #prefix: string;
  readonly #headers: Record<string, string>;
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true, ca: authorities() }),
  };
  #proxy: URL | null;

  constructor(url: string, apiKey: string | undefined) {
    this.#url = checkUrl(url);
    this.#prefix = this.#url.pathname.replace(/\/+$/, '');
    this.#headers = apiKey
      ? { authorization: `Bearer ${apiKey.trim()}` }
      : this.#url.username
        ? { authorization: basic(this.#url) }
        : {};
    this.#proxy = proxyFor(this.#url, process.env);
  }

  async request(
    method: string,
    path: string,
    body: Uint8Array | string | null = null,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const all = { ...this.#headers, ...headers };
    if (this.#proxy && loopback.has(this.#url.hostname)) {
      // many clusters set a proxy for everything; it can't reach what listens on this machine alone
      const answer = await this.#once(method, path, body, all).catch(() => null);
      if (answer && !proxyTrouble.has(answer.status)) return answer;
      this.#proxy = null;
    }
    return this.#once(method, path, body, all);
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #once(
    method: string,
    path: string,
    body: Uint8Array | string | null,
    given: Record<string, string>,
  ): Promise<Answer> {
    const secure = this.#url.protocol === 'https:';
    const target = `${this.#prefix}${path}`;
    const content = body === null ? null : Buffer.from(body);
    const length: Record<string, string> = content === null ? {} : { 'content-length': String(content.length) };
    const headers = { ...given, ...length, host: this.#url.host };
    const options: RequestOptions = { method, headers, timeout: timeoutMs };
    if (!this.#proxy)
      return ask(secure ? httpsRequest : httpRequest, content, {
        ...options,
        agent: secure ? this.#agents.https : this.#agents.http,
        host: bare(this.#url.hostname),
        port: portOf(this.#url),
        path: target,
      });
    if (!secure)
      return ask(this.#proxy.protocol === 'https:' ? httpsRequest : httpRequest, content, {
        ...options,
        headers: { ...headers, ...proxyHeaders(this.#proxy) },
        agent: this.#proxy.protocol === 'https:' ? this.#agents.https : this.#agents.http,
        host: bare(this.#proxy.hostname),
        port: portOf(this.#proxy),
        path: `http://${this.#url.host}${target}`,
      });
    const socket = await tunnel(this.#proxy, `${this.#url.hostname}:${portOf(this.#url)}`);
    const createConnection = (): Socket =>
      tlsConnect({ socket, servername: bare(this.#url.hostname), ca: authorities() });
    return ask(httpsRequest, content, {
      ...options,
      agent: false,
      createConnection,
      host: bare(this.#url.hostname),
      path: target,
    });
  }
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '');
const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));
const basic = (url: URL): string =>
  `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
const proxyHeaders = (proxy: URL): Record<string, string> =>
  proxy.username ? { 'proxy-authorization': basic(proxy) } : {};

function ask(send: typeof httpRequest, body: Buffer | null, options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = send(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
}

function tunnel(proxy: URL, target: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      host: bare(proxy.hostname),
      port: portOf(proxy),
      path: target,
      headers: { host: target, ...proxyHeaders(proxy) },
      agent: false,
      timeout: timeoutMs,
    });
    asked.on('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy answered ${response.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error('the proxy does not answer')));
    asked.on('error', reject);
    asked.end();
  });
}

type Env = Readonly<Record<string, string | undefined>>;

/** http_proxy, https_proxy, all_proxy and no_proxy, in small letters or capitals. */
export function proxyFor(url: URL, env: Env): URL | null {
  const said = (name: string): string => env[name] || env[name.toUpperCase()] || '';
  const address = said(`${url.protocol.slice(0, -1)}_proxy`) || said('all_proxy');
  if (address === '' || isExempt(url, said('no_proxy'))) return null;
  try {
    const proxy = new URL(address.includes('://') ? address : `http://${address}`);
    return ['http:', 'https:'].includes(proxy.protocol) ? proxy : null;
  } catch {
    return null; // not an address
  }
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname).toLowerCase();
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((word) => {
      if (word === '*') return true;
      if (word.includes('/')) return isInNetwork(host, word);
      const [name, port] = /^(.*?)(?::(\d+))?$/.exec(word)!.slice(1) as [string, string | undefined];
      if (port !== undefined && Number(port) !== portOf(url)) return false;
      const domain = name.replace(/^\*?\./, '');
      return host === domain || host.endsWith(`.${domain}`);
    });
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits] = network.split('/');
  const family = isIP(host) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(host) === 0 || isIP(address) !== isIP(host)) return false;
  const list = new BlockList();
  try {
    list.addSubnet(address, Number(bits), family);
  } catch {
    return false; // not a network
  }
  return list.check(host, family);
}

let known: string[] | undefined;

/** The authorities that Node knows, and those of a company that the usual variables name (Node itself reads NODE_EXTRA_CA_CERTS). */
function authorities(): string[] {
  if (known) return known;
  const found = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']
    .map((name) => process.env[name] ?? '')
    .filter((path) => path !== '' && existsSync(path))
    .flatMap((path) => (statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path]))
    .flatMap((path) => {
      try {
        return readFileSync(path, 'utf8').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
      } catch {
        return []; // not certificates; the others may do
      }
    });
  return (known = [...rootCertificates, ...found]);
}
