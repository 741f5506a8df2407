import { expect, test } from 'vitest';
import { look, needsBrowser } from './browser.ts';
import { fleet } from './fleet.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';
/** As many rows of a long list as a screen shows, with some above and below it. */
const MOST_ROWS = 150;

test('5,000 nodes and 72 tags are drawn, scrolled, searched and sorted', async () => {
  const train = await fleet({ now: NOW, counts: [300, 400, 500, 800, 3000], hours: 72 });
  await train.ask();
  const page = await look(train.server.url, { now: NOW });
  const production = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: /^production / }) });
  await production.getByText('3,000 nodes').or(production.getByText('3000 nodes')).first().waitFor();
  expect(await page.locator('[data-tag]').count()).toBeGreaterThanOrEqual(72);
  // The newest are in sight; the oldest are a scroll away.
  const [oldest, newest] = [page.locator('[data-tag]').first(), page.locator('[data-tag]').last()];
  await expect.poll(() => newest.isVisible()).toBe(true);
  await oldest.scrollIntoViewIfNeeded();
  await oldest.click();
  await page.getByRole('region', { name: 'Chosen tags' }).waitFor();

  await page.goto(`${train.server.url}/#/nodes`);
  const table = page.getByRole('table');
  await expect.poll(() => table.getAttribute('aria-rowcount')).toBe('5001');
  expect(await table.getByRole('row').count()).toBeLessThan(MOST_ROWS);
  await page.getByRole('link', { name: 'dev1.example.com', exact: true }).waitFor();
  await page.keyboard.press('End');
  await page.mouse.wheel(0, 1_000_000);
  await page.getByRole('link', { name: 'web3000.example.com', exact: true }).waitFor();
  expect(await table.getByRole('row').count()).toBeLessThan(MOST_ROWS);
  await page.getByRole('searchbox').fill('east77');
  await expect.poll(() => table.getAttribute('aria-rowcount')).toBe('12');
  await page.getByRole('link', { name: 'east777.example.com', exact: true }).click();
  await page.getByRole('heading', { name: 'east777.example.com' }).waitFor();
  await page.goBack();
  expect(await page.getByRole('searchbox').inputValue()).toBe('east77');
});
