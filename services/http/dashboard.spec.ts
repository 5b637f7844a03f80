import { expect, it } from 'vitest';
import { prefixOf } from './dashboard.js';

it.each([
  [undefined, ''],
  ['', ''],
  ['/', ''],
  ['/track', '/track'],
  ['/track/', '/track'],
  ['/a/b.c~d-e_f', '/a/b.c~d-e_f'],
  ['/track, /inner', '/track'],
  [['/track', '/x'], '/track'],
  ['track', ''],
  ['//evil.example', ''],
  ['/a"><script>', ''],
  ['javascript:alert(1)', ''],
])('takes %j as the prefix %j', (header, prefix) => {
  expect(prefixOf(header)).toBe(prefix);
});
