import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../../test/rigs/server-process.js';

it('says that the port is in use, and what to do, and nothing else', async () => {
  const data = await mkdtemp(join(tmpdir(), 'port-'));
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const { code, output } = await runCli(['start'], { RUNSTREAM_DATA: data, RUNSTREAM_PORT: String(port) });
    expect(code).toBe(1);
    expect(output).toContain(`127.0.0.1, port ${port} is in use by another program`);
    expect(output).toContain('RUNSTREAM_PORT');
    expect(output).not.toMatch(/ERROR|\n\s+at /);
  } finally {
    await new Promise((resolve) => other.close(resolve));
    await rm(data, { recursive: true, force: true });
  }
});
