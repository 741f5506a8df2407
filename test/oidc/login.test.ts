import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Browser } from './browser.ts';
import { HERE, house, sharedHouse } from './house.ts';
import { CLIENT_SECRET } from './provider.ts';

const home = await sharedHouse();
const LOGIN = `${HERE}/login`;
const SESSION = `${HERE}/v1/session`;

const tokenOf = (browser: Browser) => browser.cookies(HERE).get('tagwave')?.value;

describe('logging in', () => {
  test.each([
    ['vera', 'viewer'],
    ['otto', 'operator'],
    ['ada', 'admin'],
    ['sam', 'operator'],
  ])('gives %s the highest role that a group of theirs has: %s', async (name, role) => {
    const page = await home().browser().logIn(LOGIN, name);
    expect(page).toMatchObject({ status: 200, url: SESSION });
    expect(page.json()).toEqual({ name, role, by: 'session', expiresAt: expect.stringMatching(/^2026-11-20T/) });
    const [event] = await home().events('login');
    expect(event).toMatchObject({ by: name, from: '127.0.0.1', subject: name, after: role });
    expect(event?.summary).toContain(`${name} logged in as ${role} ("${name}" at the provider), session `);
  });

  test.each([
    ['mail', 'mail@example.com', 'an address that was verified'],
    ['claimed', 'claimed', 'not by an address that nobody verified'],
    ['odd-name', 'odd-name', 'not by what cannot be written down'],
  ])('names %s %s: %s', async (login, name) => {
    expect((await home().browser().logIn(LOGIN, login)).json()).toMatchObject({ name, role: 'viewer' });
  });

  test.each(['mallory', 'nobody'])(
    'lets %s in for nothing, who is in none of the groups, and says so',
    async (name) => {
      const browser = home().browser();
      const page = await browser.logIn(LOGIN, name);
      expect(page.status).toBe(403);
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(page.text).toContain(`${name} is in none of the groups that may do something here (groups)`);
      expect(browser.cookies(HERE).size).toBe(0);
      expect((await browser.send(SESSION)).status).toBe(401);
    },
  );

  test('records who was refused, once for many times', async () => {
    const { browser, events, server } = await house();
    const [one, other] = [browser(), browser()];
    await one.logIn(LOGIN, 'mallory');
    await other.logIn(LOGIN, 'mallory');
    server.clock.advance(61_000);
    const told = (await events('refusal')).map(({ by, from, summary }) => ({ by, from, summary }));
    expect(told).toEqual([
      { by: 'mallory', from: '127.0.0.1', summary: expect.stringContaining('forbidden, 1 more time within') },
      { by: 'mallory', from: '127.0.0.1', summary: 'GET /login/callback was refused: forbidden' },
    ]);
    expect(await events('login')).toEqual([]);
  });

  test('leads to where somebody wanted to go', async () => {
    const page = await home().browser().logIn(`${LOGIN}?to=%2Fv1%2Fstatus%3Fx%3D1`, 'vera');
    expect(page).toMatchObject({ status: 200, url: `${HERE}/v1/status?x=1` });
  });

  test.each([
    '//evil.test',
    '/\\evil.test',
    '/\t/evil.test',
    '\\\\evil.test',
    'https://evil.test/',
    'evil.test',
    '@evil.test',
    'javascript:alert(1)',
    '/login',
    '/login?to=/login',
    '/v1/é',
    '/a\r\nSet-Cookie: a=b',
    '',
    `/${'x'.repeat(1000)}`,
  ])('leads nowhere else: not to %j', async (to) => {
    const answer = await home()
      .browser()
      .send(`${LOGIN}?to=${encodeURIComponent(to)}`);
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  test('does not take two places to go to', async () => {
    expect((await home().browser().send(`${LOGIN}?to=/a&to=//evil.test`)).status).toBe(400);
  });

  test('asks the provider with PKCE, state and nonce, which differ each time', async () => {
    const begin = async () => new URL((await home().browser().send(LOGIN)).headers.location ?? '');
    const [one, other] = [await begin(), await begin()];
    expect(Object.fromEntries(one.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'tagwave',
      redirect_uri: `${HERE}/login/callback`,
      scope: 'openid profile email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const secrets = ['state', 'nonce', 'code_challenge'].flatMap((name) =>
      [one, other].map(({ searchParams }) => searchParams.get(name)),
    );
    expect(new Set(secrets).size).toBe(6);
  });

  test('asks no more of a provider that has told everything', async () => {
    const { provider, browser } = await house({ tellsAllAtOnce: true });
    expect((await browser().logIn(LOGIN, 'ada')).json()).toMatchObject({ name: 'ada', role: 'admin' });
    expect(provider.asked).not.toContain('/me');
    expect(home().provider.asked).toContain('/me');
  });
});

describe('a session', () => {
  test('is a cookie out of reach of scripts and of other sites, and is kept as a digest only', async () => {
    const { server, browser } = home();
    const theirs = browser();
    const callback = await theirs.logInUntilBack(LOGIN, 'vera');
    const answer = await theirs.send(callback);
    const token = tokenOf(theirs);
    expect(token).toMatch(/^tws_[\w-]{43}$/);
    expect(answer.headers['set-cookie']).toEqual([
      'tagwave-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
      `tagwave=${token}; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax`,
    ]);
    expect(answer.text).not.toContain('tws_');
    await server.app.context.journal.flush();
    const { stateDir } = server.app.settings;
    const files = (await readdir(stateDir, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
    const contents = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')));
    expect(contents.some((content) => content.includes('vera'))).toBe(true);
    for (const secret of [token ?? '', CLIENT_SECRET]) {
      expect(contents.filter((content) => content.includes(secret))).toEqual([]);
      expect(server.logText()).not.toContain(secret);
    }
  });

  test('ends after as many hours as the settings say', async () => {
    const { server, browser } = home();
    const theirs = browser();
    await theirs.logIn(LOGIN, 'vera');
    server.clock.advance(8 * 3_600_000 - 60_000);
    expect((await theirs.send(SESSION)).status).toBe(200);
    server.clock.advance(60_000);
    expect((await theirs.send(SESSION)).status).toBe(401);
  });

  test('ends at once and everywhere when somebody logs out', async () => {
    const { browser, events } = home();
    const theirs = browser();
    await theirs.logIn(LOGIN, 'vera');
    const stolen = { headers: { Cookie: `tagwave=${tokenOf(theirs)}` } };
    expect((await browser().send(SESSION, stolen)).status).toBe(200);
    const out = await theirs.send(`${HERE}/logout`, { method: 'POST', json: {}, headers: { Origin: HERE } });
    expect(out.json()).toEqual({ loggedOut: true });
    expect(tokenOf(theirs)).toBeUndefined();
    expect((await theirs.send(SESSION)).status).toBe(401);
    expect((await browser().send(SESSION, stolen)).status).toBe(401);
    const [event] = await events('login');
    expect(event).toMatchObject({ by: 'vera', from: '127.0.0.1', summary: expect.stringContaining('vera logged out') });
  });

  test('can be ended by an admin, as any token, and counts no more at once', async () => {
    const { server, browser } = home();
    const theirs = browser();
    await theirs.logIn(LOGIN, 'otto');
    const { credentials, time } = server.app.context;
    const mine = credentials
      .list({ kinds: ['session'], limit: 1000 })
      .filter((one) => 'name' in one && one.name === 'otto');
    expect(mine).not.toEqual([]);
    await credentials.change(() => ({
      result: true,
      changes: mine.map(({ id }) => ({ kind: 'drop', id, at: time.now() }) as const),
    }));
    expect((await theirs.send(SESSION)).status).toBe(401);
  });

  test('takes the place of the one that the browser had', async () => {
    const { browser } = home();
    const theirs = browser();
    await theirs.logIn(LOGIN, 'vera');
    const before = { headers: { Cookie: `tagwave=${tokenOf(theirs)}` } };
    await theirs.logIn(LOGIN, 'vera');
    expect((await theirs.send(SESSION)).status).toBe(200);
    expect((await browser().send(SESSION, before)).status).toBe(401);
  });

  test('is never one that was there before: nobody can prepare it for somebody else', async () => {
    const { browser } = home();
    const theirs = browser();
    const prepared = `tws_${'A'.repeat(43)}`;
    const planted = { headers: { Cookie: `tagwave=${prepared}` } };
    const begun = await theirs.send(LOGIN, planted);
    await theirs.logIn(begun.headers.location ?? '', 'vera');
    expect(tokenOf(theirs)).not.toBe(prepared);
    expect((await browser().send(SESSION, planted)).status).toBe(401);
  });

  test('is one of ten at most of the same person: the oldest ends', async () => {
    const { browser } = home();
    const browsers: Browser[] = [];
    for (let count = 0; count < 11; count += 1) {
      const one = browser();
      browsers.push(one);
      await one.logIn(LOGIN, 'sam');
      home().server.clock.advance(1000);
    }
    const statuses = await Promise.all(browsers.map(async (one) => (await one.send(SESSION)).status));
    expect(statuses).toEqual([401, ...Array(10).fill(200)]);
  });

  test('does not count where a token belongs, nor a token as a session', async () => {
    const { browser } = home();
    const theirs = browser();
    await theirs.logIn(LOGIN, 'vera');
    const asBearer = { headers: { Authorization: `Bearer ${tokenOf(theirs)}` } };
    expect((await browser().send(SESSION, asBearer)).status).toBe(401);
    const twice = { headers: { Cookie: `tagwave=${tokenOf(theirs)}; tagwave=tws_${'A'.repeat(43)}` } };
    expect((await browser().send(SESSION, twice)).status).toBe(401);
  });
});

test('who is not known is told where to log in', async () => {
  const { status, headers } = await home().browser().send(SESSION);
  expect([status, headers['link']]).toEqual([401, '<../login>; rel="login"']);
});

test('nobody logs in where no provider is set', async () => {
  const { browser } = await house({
    settings: { 'oidc.issuer': undefined, 'oidc.client_id': undefined, 'oidc.client_secret_file': undefined },
  });
  const answer = await browser().send(LOGIN);
  expect(answer).toMatchObject({ status: 404 });
  expect(answer.json()).toMatchObject({ title: 'nobody logs in here: oidc.issuer is not set' });
  const unknown = await browser().send(SESSION);
  expect([unknown.status, unknown.headers['link']]).toEqual([401, undefined]);
});
