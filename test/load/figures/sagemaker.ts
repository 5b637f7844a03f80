import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { withServer } from './served.js';
import { median, quantile, type Bench } from './figure.js';
import { root } from './processes.js';

const venv = join(root, 'node_modules/.cache/python-sagemaker');
const script = join(root, 'test/load/figures/sagemaker_client.py');
const clients = 8;

/** AWS's unmodified clients against Runstream, and against a server that repeats its answers at once: what the client alone takes. */
export async function measureSagemaker(bench: Bench): Promise<void> {
  if (!existsSync(join(venv, 'ready'))) throw new Error("npm test installs AWS's clients, which are not there yet");
  const runCount = bench.quick ? 20 : 100;
  await withServer(async (rig) => {
    const { url } = rig.server;
    bench.say(`making ${runCount} runs`);
    await client(url, 'make', 'bench', runCount);
    const repeated = await openRepeater(url);
    try {
      // once through it, so that it knows the answers
      bench.say('listing them once, to know what is answered');
      await client(repeated.url, 'list', 'bench', 1, runCount);
      repeated.repeat();
      for (const [name, at] of [
        ['runstream', url],
        ['client', repeated.url],
      ] as const) {
        const calls = bench.quick ? 50 : 200;
        const started = performance.now();
        const said = await Promise.all(
          Array.from({ length: clients }, (_, i) => client(at, 'put', `bench-r${i}`, calls)),
        );
        // without the start of the interpreters: from the first call of all to the last
        const ms = said.flatMap((each) => each.ms);
        const spent = Math.max(...said.map((each) => each.ms.reduce((sum, one) => sum + one, 0))) / 1_000;
        const whole = ((performance.now() - started) / 1_000).toFixed(0);
        const note = `BatchPutMetrics of 10 points, ${clients} processes of boto3, ${ms.length} calls in ${whole} s with their start`;
        bench.print(`sagemaker.${name}.put_calls`, ms.length / spent, 'calls/s', note);
        bench.print(`sagemaker.${name}.put_p50_ms`, median(ms), 'ms', note);
        bench.print(`sagemaker.${name}.put_p99_ms`, quantile(ms, 0.99), 'ms', note);
        const listed = await client(at, 'list', 'bench', bench.quick ? 1 : 3, runCount);
        bench.print(`sagemaker.${name}.list_ms`, median(listed.ms), 'ms', `list_runs of ${runCount} runs`);
      }
    } finally {
      await repeated.end();
    }
  });
}

async function client(
  url: string,
  kind: string,
  name: string,
  count: number,
  among = 0,
): Promise<{ readonly ms: readonly number[] }> {
  const child = spawn(join(venv, 'bin/python'), [script, kind, name, String(count), String(among)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      AWS_ACCESS_KEY_ID: 'anybody',
      AWS_SECRET_ACCESS_KEY: 'at all',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_SAGEMAKER: `${url}/sagemaker`,
      AWS_ENDPOINT_URL_SAGEMAKER_METRICS: `${url}/sagemaker`,
      PYTHONPYCACHEPREFIX: join(venv, 'compiled'),
    },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`AWS's client ended with ${code}`);
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as { ms: number[] };
}

interface Kept {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Passes calls on and keeps the answers, until it is told to; then it says them again, and `{}` to what it never heard. */
async function openRepeater(target: string) {
  const kept = new Map<string, Kept>();
  let learning = true;
  const nothing: Kept = { status: 200, type: 'application/json', body: Buffer.from('{}') };
  const ask = async (path: string, name: string, method: string, said: Buffer): Promise<Kept> => {
    const headers = { 'content-type': 'application/x-amz-json-1.1', ...(name === '' ? {} : { 'x-amz-target': name }) };
    const answer = await fetch(`${target}${path}`, { method, headers, body: new Uint8Array(said) });
    const type = answer.headers.get('content-type') ?? '';
    return { status: answer.status, type, body: Buffer.from(await answer.arrayBuffer()) };
  };
  const server: Server = createServer((request, response) => {
    void (async () => {
      const said = await buffer(request);
      const name = String(request.headers['x-amz-target'] ?? '');
      const key = `${request.url} ${name} ${said.toString()}`;
      if (learning) kept.set(key, await ask(request.url ?? '', name, request.method ?? 'POST', said));
      const { status, type, body } = kept.get(key) ?? nothing;
      response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    repeat: () => void (learning = false),
    end: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
