import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CLIENT_SECRET, startProvider } from '../oidc/provider.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { testServer } from '../rig/server.ts';
import { look, needsBrowser, pageDirectory } from './browser.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';

/** An address that is known before the server listens: whatever comes there goes on to where it does. */
async function knownAddress() {
  let port = 0;
  const front = createServer((from) => {
    const to = createConnection({ host: '127.0.0.1', port });
    for (const end of [from, to]) end.on('error', () => end.destroy());
    from.pipe(to).pipe(from);
    from.on('close', () => to.destroy());
    onTestFinished(() => void from.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void front.close());
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    leadsTo(url: string) {
      port = Number(new URL(url).port);
    },
  };
}

test('who logs in at the provider comes back to where they wanted to go, as who they are, until they sign out', async () => {
  const address = await knownAddress();
  const provider = await startProvider({
    people: { otto: { preferred_username: 'otto', groups: ['on-call'] } },
    redirectUris: [`${address.url}/login/callback`],
  });
  onTestFinished(() => provider.stop());
  const secret = join(await disposableDirectory(), 'oidc-secret');
  await writeFile(secret, `${CLIENT_SECRET}\n`, { mode: 0o600 });
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' });
  const server = await testServer({
    now: NOW,
    env: { TAGWAVE_HTTP_LOCAL_CHANGES: 'false' },
    files: {
      'server.yml': `repo: {directory: ${source.directory}}
http: {local_reads: false, public_url: "${address.url}"}
oidc:
  issuer: ${provider.issuer}
  client_id: tagwave
  client_secret_file: ${secret}
  operators: [on-call]
`,
    },
    pageDirectory: await pageDirectory(),
  });
  address.leadsTo(server.url);
  // The provider's own pages ask for a typeface, which they do not get here.
  const alsoAsks = [provider.issuer, 'https://fonts.googleapis.com'];
  const page = await look(address.url, { place: '/nodes?q=web', alsoAsks });
  await page.route('https://fonts.googleapis.com/**', (asked) => asked.abort());
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.locator('input[name="login"]').fill('otto');
  await page.locator('input[name="password"]').fill('anything');
  await page.locator('button[type="submit"]').click();
  // It asks for consent.
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('otto', { exact: true }).waitFor();
  await page.getByRole('heading', { name: 'Nodes', exact: true }).waitFor();
  expect(await page.getByRole('searchbox').inputValue()).toBe('web');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});
