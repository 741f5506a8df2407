import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { look, needsBrowser } from './browser.ts';
import { fleet } from './fleet.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';
const OLD = 'etchautotag-20261120-0100';

test('a node is found, opened, pinned with its effect seen before, and what happened stands among the events by itself', async () => {
  const train = await fleet({ now: NOW });
  const { server } = train;
  await train.poll();
  const page = await look(server.url, { now: NOW, place: '/events' });
  await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
  const other = await look(server.url, { now: NOW, place: '/nodes' });
  await other.getByRole('searchbox').fill('web3');
  await other.getByRole('link', { name: 'web3.example.com' }).click();
  await other.getByRole('heading', { name: 'web3.example.com' }).waitFor();

  // The way back leads to what was searched for, and the way on to the node.
  await other.goBack();
  await other.getByRole('link', { name: 'web3.example.com' }).waitFor();
  expect(await other.getByRole('searchbox').inputValue()).toBe('web3');
  await other.goForward();

  await other.getByRole('button', { name: 'Pin…' }).click();
  const dialog = other.getByRole('dialog', { name: 'Pin web3.example.com' });
  await dialog.getByLabel('Tag').selectOption(OLD);
  await dialog.getByRole('status').getByText('which is backwards').waitFor();
  await dialog.getByLabel(/^Reason/).fill('measures disks');
  await dialog.getByRole('button', { name: 'Pin', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(readFileSync(join(server.base, 'pins'), 'utf8')).toMatch(
    new RegExp(`^web3\\.example\\.com ${OLD} .*measures disks`, 'm'),
  );
  server.settle();
  await other.getByText(/^Pinned to/).waitFor();
  await train.poll();
  await other.getByRole('region', { name: 'Reports' }).getByText(OLD).first().waitFor();

  // Nobody has loaded the page anew that tells of events.
  const pinning = page.getByRole('listitem').filter({ hasText: 'measures disks' });
  await pinning.getByText(`web3.example.com ${OLD}`).waitFor();
});
