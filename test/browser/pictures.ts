import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { look, needsBrowser } from './browser.ts';
import { BAD, NOW, story } from './story.ts';

needsBrowser();

const PLACE = join(import.meta.dirname, '../../docs/pictures');

interface Shot {
  readonly name: string;
  readonly place: string;
  readonly size: readonly [width: number, height: number];
  /** Until it is all there. */
  readonly isThere: (page: Page) => Promise<unknown>;
}

const SHOTS: readonly Shot[] = [
  {
    name: 'map',
    place: `/?tag=${BAD}`,
    size: [1280, 860],
    isThere: (page) => page.getByRole('region', { name: 'Chosen tags' }).waitFor(),
  },
  {
    name: 'mark',
    place: `/?mark=${BAD}&state=bad&reason=broke%20ntp,%20INC-4711`,
    size: [1000, 1120],
    isThere: async (page) => {
      await page.getByRole('button', { name: /ntp\.conf/ }).click();
      await page.getByText('ibrust').first().waitFor();
    },
  },
  {
    name: 'nodes',
    place: '/nodes',
    size: [1280, 700],
    isThere: (page) => page.getByRole('link', { name: 'dev1.example.com' }).waitFor(),
  },
  {
    name: 'node',
    place: '/nodes/dev1.example.com',
    size: [1280, 700],
    isThere: (page) =>
      page
        .getByText(/systemctl reload ntp/)
        .first()
        .waitFor(),
  },
  { name: 'tags', place: '/tags', size: [1280, 800], isThere: (page) => page.getByRole('table').waitFor() },
  {
    // As the one on call sees it who lies in bed.
    name: 'stop',
    place: '/?kill=all',
    size: [390, 760],
    isThere: (page) => page.getByRole('button', { name: /^Stop everything: / }).waitFor(),
  },
];

test('the pictures of the page are drawn', async () => {
  mkdirSync(PLACE, { recursive: true });
  const { server } = await story();
  const page = await look(server.url, { now: NOW, reducedMotion: 'reduce' });
  for (const { name, place, size, isThere } of SHOTS) {
    const [width, height] = size;
    await page.setViewportSize({ width, height });
    await page.goto(`${server.url}/#${place}`);
    await page.reload();
    await isThere(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(PLACE, `${name}-${colorScheme}.png`) });
    }
  }
});
