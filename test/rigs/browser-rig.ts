import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';

const output = fileURLToPath(new URL('../output', import.meta.url));
const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

export interface BrowserRig {
  readonly page: Page;
  /** What went wrong inside the page so far: uncaught errors and refused answers. */
  readonly problems: readonly string[];
  /** Saves a picture of the page to test/output and gives its path. */
  picture(name: string): Promise<string>;
  close(): Promise<void>;
}

/** A real headless browser with one page. Throws when there is no browser: what a person sees can't be tested without one. */
export async function openBrowserRig(): Promise<BrowserRig> {
  const executablePath = known.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error(`no browser found: install Chromium as one of ${known.join(', ')}`);
  const browser = await chromium.launch({ executablePath, args: quiet });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(180_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  page.on('response', (answer) => {
    if (answer.status() >= 400) problems.push(`${answer.status()} ${answer.url()}`);
  });
  return {
    page,
    problems,
    picture: async (name) => {
      mkdirSync(output, { recursive: true });
      const path = join(output, `${name}.png`);
      await page.screenshot({ path });
      return path;
    },
    close: () => browser.close(),
  };
}
