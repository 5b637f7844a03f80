import { describe, expect, it } from 'vitest';
import { foreignSite } from './foreign-site.js';

const host = '127.0.0.1:7171';
const from = (headers: Record<string, string>, allowed: readonly string[] = []) =>
  foreignSite({ host, ...headers }, allowed);

describe('the site of a request', () => {
  it('is nobody’s for a program, and ours for our own pages', () => {
    expect(from({})).toBeNull();
    expect(from({ origin: `http://${host}` })).toBeNull();
    expect(from({ 'sec-fetch-site': 'none' })).toBeNull();
    expect(from({ 'sec-fetch-site': 'same-origin' })).toBeNull();
    expect(from({ origin: 'https://runs.example.com', host: 'runs.example.com:443' })).toBeNull();
    // a proxy that changes Host: the browser knows better
    expect(from({ origin: 'https://runs.example.com', 'sec-fetch-site': 'same-origin' })).toBeNull();
  });

  it('is foreign by its origin, its port, or what the browser says', () => {
    for (const origin of [
      'https://evil.example',
      'http://127.0.0.1:3000',
      'http://127.0.0.1',
      'null',
      '',
      '//',
      'http://[',
    ])
      expect(from({ origin }), origin).not.toBeNull();
    expect(from({ 'sec-fetch-site': 'cross-site' })).toBe('another site');
    expect(from({ 'sec-fetch-site': 'same-site' })).toBe('another site');
    expect(from({ 'sec-fetch-site': 'nonsense' })).toBe('another site');
  });

  it('may be allowed by its whole origin only', () => {
    const allowed = ['https://grafana.example.com'];
    expect(from({ origin: 'https://grafana.example.com', 'sec-fetch-site': 'cross-site' }, allowed)).toBeNull();
    expect(from({ origin: 'http://grafana.example.com' }, allowed)).not.toBeNull();
    expect(from({ origin: 'https://grafana.example.com:8443' }, allowed)).not.toBeNull();
  });
});
