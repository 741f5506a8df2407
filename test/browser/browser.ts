import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeEach, onTestFinished } from 'vitest';
import { serverBundle } from '../rig/server-bundle.ts';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PROGRAM = process.env['TAGWAVE_TEST_BROWSER'] ?? PLACES.find((path) => existsSync(path));
const NO_BROWSER = `no browser at ${PLACES.join(', ')}: install Debian's chromium, or name one in TAGWAVE_TEST_BROWSER`;

/** Without a browser the tests of a file are skipped, and say why. */
export function needsBrowser(): void {
  beforeEach(({ skip }) => skip(PROGRAM === undefined, NO_BROWSER));
  afterAll(async () => (await running)?.close());
}

let running: Promise<Browser> | undefined;

function theBrowser(): Promise<Browser> {
  // Its sandbox cannot be had by root, and what it loads here is ours.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  running ??= chromium.launch({ executablePath: PROGRAM ?? '', args: [...args, '--disable-dev-shm-usage'] });
  return running;
}

export interface LookOptions extends BrowserContextOptions {
  /** The part of the address after the `#`. */
  readonly place?: string;
  /** What the browser's clock stands at first, RFC 3339; without one it is the machine's. */
  readonly now?: string;
  /** Where else its way leads. */
  readonly alsoAsks?: readonly string[];
}

/** Somebody's browser, with cookies and storage of its own. What the page does wrong unnoticed fails the test. */
export async function look(
  url: string,
  { place = '', now, alsoAsks = [], ...options }: LookOptions = {},
): Promise<Page> {
  const context = await (await theBrowser()).newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const wrong: string[] = [];
  onTestFinished(async () => {
    await context.close();
    if (wrong.length > 0) throw new Error(`the page failed unseen:\n${wrong.join('\n')}`);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => wrong.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    // What a server that is away is not answered with is shown by the page itself.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (![url, ...alsoAsks].some((one) => new URL(one).host === new URL(request.url()).host))
      wrong.push(`it asked elsewhere: ${request.url()}`);
  });
  if (now !== undefined) await page.clock.install({ time: new Date(now) });
  await page.goto(`${url}/${place === '' ? '' : `#${place}`}`);
  return page;
}

/** Where the page is that was built for the tests. */
export async function pageDirectory(): Promise<string> {
  return join(dirname(await serverBundle()), 'web');
}
