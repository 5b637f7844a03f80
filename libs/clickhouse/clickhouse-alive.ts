import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseAddress } from './clickhouse-engine.js';

const askTimeoutMs = 4_000;
/** A question that has just ended has an answer on the way: it is asked twice. */
const onTheWayMs = 500;

/**
 * Whether a server still works on a question, asked over a connection of its own. Of several hosts behind one address another may answer:
 * there it is enough that one does.
 */
export async function worksOn(queryId: string, address: ClickHouseAddress, severalHosts: boolean): Promise<boolean> {
  const sql = `SELECT count() FROM system.processes WHERE query_id = '${queryId}' FORMAT TabSeparated`;
  const asked = async (): Promise<boolean> => (await ask(address, sql)) !== '0' || severalHosts;
  if (await asked()) return true;
  await sleep(onTheWayMs);
  return asked();
}

function ask({ url, username, password }: ClickHouseAddress, sql: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const signal = AbortSignal.timeout(askTimeoutMs);
  const options = { method: 'POST', headers: { authorization }, agent: false, signal } as const;
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString().trim()));
    });
    request.on('error', reject);
    request.end(sql);
  });
}
