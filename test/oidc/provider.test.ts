import { rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fetchTrusting } from '../../server/adapters/oidc-fetch.ts';
import { makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { askTls, forThisMachine, tlsPlace } from '../tls/tls-serving.ts';
import { type Browser, browser as openBrowser, type Route } from './browser.ts';
import { HERE, house, sharedHouse } from './house.ts';
import { CLIENT_SECRET } from './provider.ts';

const home = await sharedHouse();
const LOGIN = `${HERE}/login`;
const SESSION = `${HERE}/v1/session`;
const JSON_ONLY = { headers: { Accept: 'application/json' } };

const isLoggedIn = async (browser: Browser) => (await browser.send(SESSION)).status === 200;

test('while the provider is down everything else works, and logging in does as soon as it is back', async () => {
  const { provider, browser, server } = await house();
  const theirs = browser();
  await provider.stop();
  expect((await server.ask('/readyz')).status).toBe(200);
  const answer = await theirs.send(LOGIN, JSON_ONLY);
  expect(answer).toMatchObject({ status: 503 });
  expect(answer.json()).toMatchObject({
    code: 'state-unavailable',
    title: expect.stringContaining(`${provider.issuer} cannot be asked who you are: `),
    hint: 'try again soon',
  });
  await provider.start();
  const back = await theirs.logInUntilBack(LOGIN, 'vera');
  await provider.stop();
  const page = await theirs.send(back);
  expect(page.status).toBe(503);
  expect(page.text).toContain('cannot be asked who you are');
  expect(await isLoggedIn(theirs)).toBe(false);
  await provider.start();
  await theirs.logIn(LOGIN, 'vera');
  expect(await isLoggedIn(theirs)).toBe(true);
});

test('sessions go on while the provider is down', async () => {
  const theirs = home().browser();
  await theirs.logIn(LOGIN, 'vera');
  await home().provider.stop();
  expect(await isLoggedIn(theirs)).toBe(true);
  await home().provider.start();
});

test('a provider is asked about itself once, however many want to log in', async () => {
  const { provider, browser } = await house();
  await Promise.all(Array.from({ length: 20 }, () => browser().send(LOGIN)));
  expect(provider.asked).toEqual(['/.well-known/openid-configuration']);
});

test('new keys of the provider count at once, and those that it gave up no more', async () => {
  const { provider, browser } = home();
  const before = browser();
  await before.logIn(LOGIN, 'vera');
  expect(await isLoggedIn(before)).toBe(true);
  provider.rotateKeys();
  const after = browser();
  await after.logIn(LOGIN, 'vera');
  expect(await isLoggedIn(after)).toBe(true);
  const late = browser();
  const back = await late.logInUntilBack(LOGIN, 'vera');
  provider.forge({ signedBy: 'stranger' });
  expect((await late.send(back)).status).toBe(401);
  provider.forge(undefined);
});

test('a secret that the provider does not take is for whoever looks after the server, and a new one counts without a restart', async () => {
  const { browser, server } = await house();
  const file = server.app.settings.oidc?.clientSecretFile ?? '';
  const theirs = browser();
  const right = await theirs.logInUntilBack(LOGIN, 'vera');
  await writeFile(file, 'another-secret-altogether\n');
  const answer = await theirs.send(right, JSON_ONLY);
  expect(answer).toMatchObject({ status: 503 });
  expect(server.logText()).toContain('refuses this server: HTTP 401');
  expect(server.logText()).not.toContain('another-secret');
  await rm(file);
  const missing = await browser().send(LOGIN, JSON_ONLY);
  expect(missing).toMatchObject({ status: 503 });
  expect(JSON.stringify(missing.json())).not.toContain(file);
  expect(server.logText()).toContain('oidc.client_secret_file: ');
  await writeFile(file, `${CLIENT_SECRET}\n`);
  await theirs.logIn(LOGIN, 'vera');
  expect(await isLoggedIn(theirs)).toBe(true);
});

test('a provider that calls itself otherwise is not taken for the one that is meant', async () => {
  const { issuer } = home().provider;
  const { browser } = await house({ settings: { 'oidc.issuer': issuer.replace('127.0.0.1', 'localhost') } });
  const answer = await browser().send(LOGIN, JSON_ONLY);
  expect(answer).toMatchObject({ status: 401 });
  expect(answer.json()).toMatchObject({ title: expect.stringContaining('does not match the expected issuer') });
});

test('what is secret is sent nowhere without TLS, whatever address a provider names', async () => {
  const { provider, browser } = await house();
  const found = await browser().send(`${provider.issuer}/.well-known/openid-configuration`);
  const changed = { ...found.json(), token_endpoint: 'http://192.0.2.1/token' };
  provider.answerInstead('/.well-known/openid-configuration', (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(changed));
  });
  const theirs = browser();
  const page = await theirs.logIn(LOGIN, 'vera');
  expect(page.status).toBe(503);
  expect(page.text).toContain('http://192.0.2.1 is no https URL');
});

test('an answer without end is not taken', async () => {
  const { provider, browser } = await house();
  provider.answerInstead('/.well-known/openid-configuration', (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    const piece = Buffer.alloc(64 * 1024, ' ');
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
      response.once('drain', more);
    };
    more();
  });
  const answer = await browser().send(LOGIN, JSON_ONLY);
  expect(answer.json()).toMatchObject({ title: expect.stringContaining('more than 1048576 bytes') });
});

test('a provider with a certificate by a CA of its own is believed where the settings name that CA', async () => {
  const authority = await makeAuthority('Company');
  const stranger = await makeAuthority('Stranger');
  const tls = await forThisMachine(authority);
  const directory = await disposableDirectory();
  const [right, wrong] = [join(directory, 'right.pem'), join(directory, 'wrong.pem')];
  await writeFile(right, authority.certificate);
  await writeFile(wrong, stranger.certificate);
  const trusting = await house({ tls, settings: { 'oidc.ca': right } });
  const begun = await trusting.browser().send(LOGIN);
  expect(begun).toMatchObject({ status: 302 });
  expect(begun.headers.location).toContain(`${trusting.provider.issuer}/auth?`);
  const other = await house({ tls, settings: { 'oidc.ca': wrong } });
  expect(await other.browser().send(LOGIN, JSON_ONLY)).toMatchObject({ status: 503 });
});

test('nobody is asked whose certificate nobody vouches for', async () => {
  const authority = await makeAuthority('Company');
  const { certificate: cert, key } = await forThisMachine(authority);
  const server = createServer({ cert, key }, (_request, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const asking = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const;
  await expect(fetchTrusting(undefined)(url, asking)).rejects.toMatchObject({ name: 'UnreachableError' });
  expect((await fetchTrusting(authority.certificate)(url, asking)).status).toBe(200);
});

test('people log in over the TLS of the server itself', async () => {
  const place = await tlsPlace();
  const publicUrl = 'https://localhost:9';
  const { server } = await house({ publicUrl, settings: place.settings });
  const overTls: NonNullable<Route['ask']> = async (to, path, { method = 'GET', headers = {}, json } = {}) => {
    const answer = await askTls(to, path, { method, headers, json, ca: place.authority });
    return {
      ...answer,
      headers: answer.headers as IncomingHttpHeaders,
      rawHeaders: [],
      bytes: Buffer.from(answer.text),
    };
  };
  const theirs = openBrowser({ routes: { [publicUrl]: { to: server.url, ask: overTls } } });
  const page = await theirs.logIn(`${publicUrl}/login`, 'ada');
  expect(page.json()).toMatchObject({ name: 'ada', role: 'admin', by: 'session' });
  expect([...theirs.cookies(publicUrl).keys()]).toEqual(['__Host-tagwave']);
  const headers = { Origin: publicUrl };
  const change = await theirs.send(`${publicUrl}/v1/killswitch/qa`, { method: 'PUT', json: {}, headers });
  expect(change.status).toBe(200);
});
