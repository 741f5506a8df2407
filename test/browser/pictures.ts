import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { fetchSource } from '../../server/operations/fetch.ts';
import { look, needsBrowser } from './browser.ts';
import { fleet } from './fleet.ts';

needsBrowser();

const PLACE = join(import.meta.dirname, '../../docs/pictures');
const BAD = 'etchautotag-20261120-0800';

/** What is shown, and when it is all there. */
const SHOWN: readonly (readonly [string, string, (page: Page) => Promise<unknown>])[] = [
  ['map', '/', (page) => page.getByText('failing', { exact: true }).first().waitFor()],
  ['mark', `/?mark=${BAD}&state=bad&reason=broke%20ntp`, (page) => page.getByText('Files that change').waitFor()],
  ['nodes', '/nodes', (page) => page.getByRole('link', { name: 'dev1.example.com' }).waitFor()],
  [
    'node',
    '/nodes/dev1.example.com',
    (page) =>
      page
        .getByText(/systemctl reload ntp/)
        .first()
        .waitFor(),
  ],
  ['tags', '/tags', (page) => page.getByRole('table').waitFor()],
];

for (const colorScheme of ['light', 'dark'] as const)
  test(`the pictures of the page are drawn (${colorScheme})`, async () => {
    mkdirSync(PLACE, { recursive: true });
    const train = await fleet({ now: '2026-11-20T07:50:00Z', counts: [24, 36, 48, 72, 250], hours: 72 });
    const { server, source, hosts } = train;
    await train.poll();
    await source.commit(
      { 'etc/ntp.conf': 'server 0.pool.example.org ibrust\n' },
      { at: '2026-11-20T07:55:00Z', message: 'Ask more time servers', author: 'Grace <grace@example.org>' },
    );
    await fetchSource(server.app.context);
    await server.passTo('2026-11-20T08:01:00Z');
    await train.poll(
      hosts,
      hosts.filter((_, index) => index < 20 && index % 2 === 0),
    );
    await server.passTo('2026-11-20T08:20:00Z');
    const page = await look(server.url, { now: '2026-11-20T08:20:00Z', colorScheme, reducedMotion: 'reduce' });
    for (const [name, place, isThere] of SHOWN) {
      await page.goto(`${server.url}/#${place}`);
      await isThere(page);
      await page.screenshot({ path: join(PLACE, `${name}-${colorScheme}.png`) });
    }
    // As the one on call sees it who lies in bed.
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${server.url}/#/?kill=all`);
    await page.getByRole('button', { name: /^Stop everything: / }).waitFor();
    await page.screenshot({ path: join(PLACE, `stop-${colorScheme}.png`) });
  });
