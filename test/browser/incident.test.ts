import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { fetchSource } from '../../server/operations/fetch.ts';
import { until } from '../rig/until.ts';
import { look, needsBrowser } from './browser.ts';
import { fleet } from './fleet.ts';

needsBrowser();

const DAY = '20261120';
const tag = (hour: string): string => `etchautotag-${DAY}-${hour}00`;

/** The row of a wave, as it is read out. */
function row(page: Page, wave: string) {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: wave }) });
}

test('an incident is lived through on the page alone: alarm, stop, marks with their preview, the fix, resume', async () => {
  const train = await fleet({ now: `2026-11-20T08:20:00Z` });
  const { server, source, hosts } = train;
  await train.poll();
  const page = await look(server.url, { now: '2026-11-20T08:20:00Z' });
  const passTo = async (instant: string): Promise<void> => {
    await page.clock.setSystemTime(new Date(instant));
    await server.passTo(instant);
  };
  await row(page, 'development').getByText('2 nodes').first().waitFor();

  // A bad commit gets its tag, and development fails with it: the page tells without being asked.
  await source.commit({ 'etc/ntp.conf': 'nonsense\n' }, { at: '2026-11-20T08:40:00Z', message: 'Broaden ntp' });
  await fetchSource(server.app.context);
  await passTo('2026-11-20T09:01:00Z');
  await train.poll(hosts, ['dev1.example.com', 'dev2.example.com']);
  await row(page, 'development').getByText('failing', { exact: true }).waitFor();

  // Stop everything: how many that are is said before.
  await page.getByRole('button', { name: 'Stop…' }).click();
  const stop = page.getByRole('dialog', { name: 'Stop' });
  await stop.getByLabel(/^Message/).fill('ntp is broken, alice looks into it');
  await stop.getByRole('button', { name: 'Stop everything: 20 nodes' }).click();
  await page.getByText('Everything is stopped').waitFor();
  expect(readFileSync(join(server.base, 'killswitch'), 'utf8')).toContain('alice looks into it');
  await train.poll();
  await page.getByText('20 of 20 told').waitFor();

  // The time goes on, and QA would be next.
  await passTo('2026-11-20T10:02:00Z');

  // Mark both tags bad, seeing first who would move.
  await page.locator(`[data-tag="${tag('09')}"]`).click();
  await page.locator(`[data-tag="${tag('10')}"]`).click({ modifiers: ['Shift'] });
  await page.getByRole('button', { name: 'Mark 2 tags…' }).click();
  const mark = page.getByRole('dialog', { name: 'Mark 2 tags' });
  await mark.getByRole('radio', { name: /^bad(?!fwd)/ }).check();
  await mark.getByLabel(/^Reason/).fill('broke ntp, INC-4711');
  await mark.getByRole('heading', { name: 'Files that change' }).or(mark.getByText('0 nodes move')).first().waitFor();
  await mark.getByRole('button', { name: 'Mark 2 tags bad' }).click();
  await mark.getByText('is marked bad').first().waitFor();
  await mark.getByRole('button', { name: 'Close' }).last().click();
  const tagstate = readFileSync(join(server.base, 'tagstate'), 'utf8');
  expect(tagstate).toMatch(new RegExp(`^${tag('09')} bad .*broke ntp, INC-4711`, 'm'));
  expect(tagstate).toMatch(new RegExp(`^${tag('10')} bad .*broke ntp, INC-4711`, 'm'));

  // The fix is committed and gets its tag.
  await source.commit(
    { 'etc/ntp.conf': 'server ntp.example.com\n' },
    { at: '2026-11-20T10:30:00Z', message: 'Fix ntp' },
  );
  await fetchSource(server.app.context);
  await passTo('2026-11-20T11:00:30Z');

  // Go on, with the very killswitch that was shown.
  await page.getByRole('button', { name: 'Resume…' }).click();
  const resume = page.getByRole('dialog', { name: 'Resume' });
  await resume.getByRole('region', { name: 'What would move' }).getByRole('table').waitFor();
  await resume.getByRole('button', { name: 'Resume everything' }).click();
  await page.getByText('Everything is stopped').waitFor({ state: 'detached' });
  await until('everybody to be served again', async () => {
    server.settle();
    await train.poll();
    return train.runs('dev1.example.com') === tag('11') ? true : undefined;
  });
  expect(train.runs('qa1.example.com')).toBe(tag('08'));
  await row(page, 'development').getByText('failing', { exact: true }).waitFor({ state: 'detached' });
});
