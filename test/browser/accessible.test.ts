import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { look, needsBrowser } from './browser.ts';
import { type Fleet, fleet } from './fleet.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';
const TAG = 'etchautotag-20261120-0700';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where somebody may be, and what is there once it is loaded. */
const PLACES: readonly (readonly [string, string, (page: Page) => Promise<unknown>])[] = [
  ['the map', '/', (page) => page.getByRole('rowheader', { name: 'development' }).waitFor()],
  ['a chosen tag', `/?tag=${TAG}`, (page) => page.getByRole('region', { name: 'Chosen tags' }).waitFor()],
  ['the map in the past', '/?at=2026-11-20T08:00:00Z', (page) => page.getByRole('table').waitFor()],
  ['marking', `/?mark=${TAG}&state=bad`, (page) => page.getByText(/nodes? moves?/).waitFor()],
  ['stopping', '/?kill=all', (page) => page.getByRole('button', { name: /^Stop everything: / }).waitFor()],
  ['the nodes', '/nodes', (page) => page.getByRole('link', { name: 'dev1.example.com' }).waitFor()],
  [
    'a node',
    '/nodes/web1.example.com',
    (page) =>
      page
        .getByText(/lags 4 hours/)
        .first()
        .waitFor(),
  ],
  ['the tags', '/tags', (page) => page.getByRole('table').waitFor()],
  ['a tag', `/tags/${TAG}?diff=previous`, (page) => page.getByRole('heading', { level: 1 }).waitFor()],
  ['the events', '/events', (page) => page.getByRole('heading', { name: 'Events', exact: true }).waitFor()],
  ['the problems', '/problems', (page) => page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()],
  ['the API', '/api', (page) => page.getByText('/v1/nodes/{hostname}/explain').first().waitFor()],
];

/** A fleet that has a past to look back at. */
async function someTimeAgo(): Promise<Fleet> {
  const train = await fleet({ now: '2026-11-20T07:50:00Z' });
  await train.poll();
  await train.server.passTo(NOW);
  await train.poll();
  return train;
}

async function looked(page: Page, colorScheme: 'light' | 'dark'): Promise<string[]> {
  await page.emulateMedia({ colorScheme });
  // All but the colours is the same.
  const what = colorScheme === 'light' ? '' : '{ runOnly: ["color-contrast"] }';
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${what})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${colorScheme}, ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

test('nothing serious keeps anybody from using the page, neither in light nor in dark', async () => {
  const { server } = await someTimeAgo();
  const page = await look(server.url, { now: NOW, reducedMotion: 'reduce' });
  await page.evaluate(AXE);
  const found: string[] = [];
  for (const [name, place, isThere] of PLACES) {
    await page.goto(`${server.url}/#${place}`);
    await isThere(page);
    for (const colorScheme of ['light', 'dark'] as const)
      found.push(...(await looked(page, colorScheme)).map((what) => `${name}, ${what}`));
  }
  expect(found).toEqual([]);
});

test('a telephone shows every place without scrolling sideways', async () => {
  const { server } = await someTimeAgo();
  const page = await look(server.url, { now: NOW, viewport: { width: 360, height: 740 }, hasTouch: true });
  const wide: string[] = [];
  for (const [name, place, isThere] of PLACES) {
    await page.goto(`${server.url}/#${place}`);
    await isThere(page);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    if (width > 360) wide.push(`${name}: ${width}`);
  }
  expect(wide).toEqual([]);
});

test('the keyboard alone is enough to choose a tag, mark it, stop everything and resume', async () => {
  const { server, poll } = await fleet({ now: NOW });
  await poll();
  const page = await look(server.url, { now: NOW });
  const { keyboard } = page;
  await page.getByRole('rowheader', { name: 'development' }).waitFor();
  const focused = () =>
    page.evaluate<string>('document.activeElement?.matches("button") ? document.activeElement.innerText.trim() : ""');
  const focusedTag = () => page.evaluate<string>('document.activeElement?.dataset.tag ?? ""');
  const tabTo = async (what: string, isThere: () => Promise<boolean>): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      if (await isThere()) return;
      await keyboard.press('Tab');
    }
    throw new Error(`60 times Tab do not lead to ${what}`);
  };

  await tabTo('the tags', async () => (await focusedTag()) !== '');
  for (let presses = 0; presses < 5 && (await focusedTag()) !== TAG; presses++) await keyboard.press('ArrowLeft');
  expect(await focusedTag()).toBe(TAG);
  await keyboard.press('Enter');
  await tabTo('the mark button', async () => (await focused()).startsWith('Mark…'));
  await keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await tabTo('the states', () => page.evaluate<boolean>('document.activeElement?.type === "radio"'));
  await keyboard.press('Space');
  for (let presses = 0; presses < 5 && !(await dialog.getByRole('button', { name: 'Mark it bad' }).count()); presses++)
    await keyboard.press('ArrowDown');
  await tabTo('the reason', () =>
    page.evaluate<boolean>('Boolean(document.activeElement?.matches("input[placeholder]"))'),
  );
  await keyboard.type('broke dns');
  await keyboard.press('Enter');
  await dialog.getByText('is marked bad').waitFor();
  expect(readFileSync(join(server.base, 'tagstate'), 'utf8')).toMatch(new RegExp(`^${TAG} bad .*broke dns`, 'm'));
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  // It goes on where it was before.
  await expect.poll(focused).toBe('Mark…');

  await tabTo('Stop…', async () => (await focused()) === 'Stop…');
  await keyboard.press('Enter');
  await dialog.waitFor();
  await tabTo('the message', () => page.evaluate<boolean>('document.activeElement?.tagName === "TEXTAREA"'));
  await keyboard.type('dns is broken');
  await tabTo('the button that stops', async () => (await focused()).startsWith('Stop everything'));
  await keyboard.press('Enter');
  await page.getByText('Everything is stopped').waitFor();
  await tabTo('Resume…', async () => (await focused()).startsWith('Resume…'));
  await keyboard.press('Enter');
  await tabTo('the button that resumes', async () => (await focused()).startsWith('Resume everything'));
  await keyboard.press('Enter');
  await page.getByText('Everything is stopped').waitFor({ state: 'detached' });
});
