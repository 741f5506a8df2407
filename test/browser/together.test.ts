import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { look, needsBrowser } from './browser.ts';
import { type Fleet, fleet } from './fleet.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';
const TAG = 'etchautotag-20261120-0700';

async function two(train: Fleet) {
  return [await look(train.server.url, { now: NOW }), await look(train.server.url, { now: NOW })] as const;
}

test('what one does the other sees, without loading the page again: a mark, a killswitch, a pin', async () => {
  const train = await fleet({ now: NOW });
  await train.poll();
  const [ada, bob] = await two(train);
  await ada.goto(`${train.server.url}/#/?mark=${TAG}&state=bad&reason=broke%20dns`);
  await ada.getByRole('button', { name: 'Mark it bad' }).click();
  await bob.locator(`.map-mark-bad [data-tag="${TAG}"]`).waitFor();

  await ada.goto(`${train.server.url}/#/?kill=staging`);
  await ada.getByRole('button', { name: 'Stop staging: 3 nodes' }).click();
  await bob.getByText('staging is stopped').waitFor();

  const place = '/#/nodes/web1.example.com';
  await bob.goto(train.server.url + place);
  await bob.getByRole('heading', { name: 'web1.example.com' }).waitFor();
  const pinned = await fetch(`${train.server.url}/v1/nodes/web1.example.com/pin`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ tag: 'trunk', reason: 'tries something' }),
  });
  expect(pinned.status).toBe(200);
  train.server.settle();
  await bob.getByText('tries something').first().waitFor();
});

test('a killswitch that somebody else has pulled since for another reason is not taken away with the old one', async () => {
  const train = await fleet({ now: NOW });
  await train.poll();
  const [ada, bob] = await two(train);
  await ada.goto(`${train.server.url}/#/?kill=all`);
  await ada.getByLabel(/^Message/).fill('dns');
  await ada.getByRole('button', { name: 'Stop everything: 20 nodes' }).click();
  await bob.goto(`${train.server.url}/#/?resume=all`);
  const resume = bob.getByRole('dialog', { name: 'Resume' });
  await resume.getByText('dns').waitFor();
  // Bob's page hears of nothing while ada stops everything for another reason.
  await bob.route('**/v1/live', (route) => route.abort());
  await bob.route('**/v1/status', (route) => route.abort());
  await bob.route('**/v1/map*', (route) => route.abort());
  await ada.goto(`${train.server.url}/#/?kill=all`);
  await ada.getByLabel(/^Message/).fill('a fire in the data centre');
  await ada.getByRole('button', { name: 'Stop everything: 20 nodes' }).click();
  await ada.getByText('a fire in the data centre').waitFor();
  await resume.getByRole('button', { name: 'Resume everything' }).click();
  await resume.getByRole('alert').waitFor();
  expect(readFileSync(join(train.server.base, 'killswitch'), 'utf8')).toContain('a fire in the data centre');
});
