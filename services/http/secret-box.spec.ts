import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeSecretBox, secretBoxOf } from './installation-key.js';
import { SecretBox } from './secret-box.js';

const [old, fresh] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

it('a sealed text is read with the key and for the name it was sealed with, and not otherwise', () => {
  const box = new SecretBox([old]);
  const sealed = box.seal('secret/+=', 'A');
  expect(sealed).not.toContain('secret');
  expect(box.seal('secret/+=', 'A')).not.toBe(sealed);
  expect(box.open(sealed, 'A')).toBe('secret/+=');
  expect(box.open(sealed, 'B')).toBeNull();
  expect(new SecretBox([fresh]).open(sealed, 'A')).toBeNull();
  for (let i = 0; i < sealed.length; i++) {
    const other = sealed[i] === 'b' ? 'c' : 'b';
    const changed = sealed.slice(0, i) + other + sealed.slice(i + 1);
    // the last letter has bits that say nothing
    if (i < sealed.length - 1) expect(box.open(changed, 'A'), changed).toBeNull();
  }
  for (const text of ['', 'sealed:', 'sealed:00000000:', 'sealed:00000000:AA', sealed.slice(0, 30)])
    expect(box.open(text, 'A')).toBeNull();
});

it('a new key in front seals, and what the old one sealed is still read', () => {
  const sealed = new SecretBox([old]).seal('x', 'A');
  const both = new SecretBox([fresh, old]);
  expect(both.open(sealed, 'A')).toBe('x');
  const resealed = both.seal('x', 'A');
  expect(new SecretBox([fresh]).open(resealed, 'A')).toBe('x');
  expect(new SecretBox([old]).open(resealed, 'A')).toBeNull();
});

it('the key of an installation is made once, for its owner only, and never where several processes must share one', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'secret-box-'));
  const place = { dataDir, secretKeys: [], log: { kind: 'file', dir: dataDir } } as const;
  expect(secretBoxOf(place)).toBeNull();
  const [one, two] = await Promise.all([makeSecretBox(place), makeSecretBox(place)]);
  expect(two.open(one.seal('x', 'A'), 'A')).toBe('x');
  expect(secretBoxOf(place)!.open(one.seal('x', 'A'), 'A')).toBe('x');
  expect(statSync(join(dataDir, 'secret.key')).mode & 0o077).toBe(0);
  const shared = { ...place, dataDir: join(dataDir, 'other'), log: { kind: 'kafka', url: 'kafka://a:1' } } as const;
  await expect(makeSecretBox(shared)).rejects.toThrow('RUNSTREAM_SECRET_KEY');
  expect((await makeSecretBox({ ...shared, secretKeys: [old] })).open(new SecretBox([old]).seal('x', 'A'), 'A')).toBe(
    'x',
  );
  writeFileSync(join(dataDir, 'secret.key'), 'short');
  expect(() => secretBoxOf(place)).toThrow(/32 bytes/);
  rmSync(dataDir, { recursive: true });
});
