import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { look, needsBrowser } from './browser.ts';

needsBrowser();

/** A server as it is shipped, in a process of its own, at the port it had before. */
async function serve(base: string, listen: string) {
  const started = await startCommand(['serve', '--base', base, '--listen', listen]);
  const url = await until('the server to listen', () => /http:\/\/\S+/.exec(started.said.stdout)?.[0]);
  return { ...started, url };
}

test('a server that is killed and started again under an open page: it says so, and goes on by itself', async () => {
  const base = await disposableDirectory();
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' }, { at: new Date(Date.now() - 7_200_000).toISOString() });
  writeFileSync(join(base, 'server.yml'), `repo: {directory: ${source.directory}}\nhttp: {local_changes: true}\n`);
  const first = await serve(base, '127.0.0.1:0');
  const page = await look(first.url);
  await page.getByRole('heading', { name: 'Train map' }).waitFor();
  await page.getByRole('rowheader', { name: 'development' }).waitFor();

  first.child.kill('SIGKILL');
  await first.ended;
  await page.getByText(/reconnecting/i).waitFor();
  // What is known stays to be seen.
  expect(await page.getByRole('rowheader', { name: 'development' }).isVisible()).toBe(true);

  const second = await serve(base, new URL(first.url).host);
  await page.getByText(/reconnecting/i).waitFor({ state: 'hidden' });
  await fetch(`${second.url}/v1/killswitch`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ message: 'after the restart' }),
  });
  await page.getByText('after the restart').waitFor();
});
