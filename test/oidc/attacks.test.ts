import { describe, expect, test } from 'vitest';
import type { Browser } from './browser.ts';
import { HERE, house, sharedHouse } from './house.ts';
import type { Forging } from './provider.ts';

const home = await sharedHouse();
const LOGIN = `${HERE}/login`;
const CALLBACK = `${HERE}/login/callback`;
const SESSION = `${HERE}/v1/session`;

const JSON_ONLY = { headers: { Accept: 'application/json' } };
const tokenOf = (browser: Browser) => browser.cookies(HERE).get('tagwave')?.value;

/** What a browser holds that has begun, and what it was told to bring back. */
async function begun(browser: Browser, url = LOGIN): Promise<{ state: string; cookie: string }> {
  const answer = await browser.send(url);
  const state = new URL(answer.headers.location ?? '').searchParams.get('state') ?? '';
  return { state, cookie: browser.cookies(HERE).get('tagwave-login')?.value ?? '' };
}

describe('what a browser comes back with', () => {
  test('counts only in the browser that began: nobody is logged in as somebody else by a link', async () => {
    const [attacker, victim] = [home().browser(), home().browser()];
    const link = await attacker.logInUntilBack(LOGIN, 'ada');
    const answer = await victim.send(link, JSON_ONLY);
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.json()).toMatchObject({
      code: 'unauthenticated',
      title: 'this browser has not begun to log in here, or the server was started anew meanwhile',
      hint: `begin again at ${LOGIN}`,
    });
    expect(tokenOf(victim)).toBeUndefined();
  });

  test('counts only with the attempt that it belongs to, though the same browser began both', async () => {
    const browser = home().browser();
    const first = await browser.logInUntilBack(LOGIN, 'ada');
    const { state } = await begun(browser);
    expect((await browser.send(first)).status).toBe(401);
    expect(tokenOf(browser)).toBeUndefined();
    expect(first).not.toContain(state);
  });

  test.each([
    ['no state', (url: string) => url.replace(/state=[^&]*/, '')],
    ['another state', (url: string) => url.replace(/state=[^&]*/, `state=${'A'.repeat(43)}`)],
    ['two states', (url: string) => `${url}&state=${'A'.repeat(43)}`],
    ['no code', (url: string) => url.replace(/code=[^&]*/, '')],
    ['two codes', (url: string) => `${url}&code=another`],
    ['another code', (url: string) => url.replace(/code=[^&]*/, 'code=made-up')],
    ['another issuer', (url: string) => url.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.test')],
    ['no issuer', (url: string) => url.replace(/iss=[^&]*/, '')],
    ['an ID token beside it', (url: string) => `${url}&id_token=e30.e30.`],
  ])('does not count with %s', async (_what, change) => {
    const browser = home().browser();
    const back = await browser.logInUntilBack(LOGIN, 'ada');
    const changed = change(back);
    expect(changed).not.toBe(back);
    expect(await browser.send(changed, JSON_ONLY)).toMatchObject({ status: 401 });
    expect(tokenOf(browser)).toBeUndefined();
  });

  test('counts once', async () => {
    const { browser, provider } = home();
    const theirs = browser();
    const back = await theirs.logInUntilBack(LOGIN, 'ada');
    const kept = {
      headers: { ...JSON_ONLY.headers, Cookie: `tagwave-login=${theirs.cookies(HERE).get('tagwave-login')?.value}` },
    };
    expect((await theirs.send(back)).status).toBe(302);
    const asked = provider.asked.length;
    const again = await browser().send(back, kept);
    expect(again).toMatchObject({ status: 401 });
    expect(again.json()).toMatchObject({ title: 'this login was finished before' });
    expect(again.headers['set-cookie']).toEqual(['tagwave-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax']);
    expect(provider.asked).toHaveLength(asked);
  });

  test('counts for ten minutes', async () => {
    const { browser, server } = home();
    const [intime, late] = [browser(), browser()];
    const one = await intime.logInUntilBack(LOGIN, 'ada');
    const other = await late.logInUntilBack(LOGIN, 'ada');
    server.clock.advance(10 * 60_000 - 30_000);
    expect((await intime.send(one)).status).toBe(302);
    server.clock.advance(30_000);
    const answer = await late.send(other, JSON_ONLY);
    expect(answer.json()).toMatchObject({ title: 'it took too long to log in' });
  });

  test.each([
    ['lives longer', (cookie: string) => cookie.replace(/\.\d+\./, '.99999999999999.')],
    ['leads elsewhere', (cookie: string) => cookie.replace(/[^.]*$/, Buffer.from('//evil.test').toString('base64url'))],
    ['is another', (cookie: string) => `A${cookie.slice(1)}`],
    ['is none', () => 'x'],
    ['is long', (cookie: string) => cookie + 'A'.repeat(6000)],
  ])('does not count with a cookie that %s', async (_what, change) => {
    const browser = home().browser();
    const { state, cookie } = await begun(browser);
    const headers = { ...JSON_ONLY.headers, Cookie: `tagwave-login=${change(cookie)}` };
    const answer = await home().browser().send(`${CALLBACK}?code=x&state=${state}`, { headers });
    expect(answer.json()).toMatchObject({ code: 'unauthenticated', title: expect.stringContaining('has not begun') });
  });

  test('does not count after the server was started anew', async () => {
    const browser = home().browser();
    const { state, cookie } = await begun(browser);
    const other = await house();
    const headers = { ...JSON_ONLY.headers, Cookie: `tagwave-login=${cookie}` };
    const answer = await other.browser().send(`${CALLBACK}?code=x&state=${state}`, { headers });
    expect(answer.json()).toMatchObject({ title: expect.stringContaining('was started anew') });
  });

  test('is told as text, whatever somebody made of it', async () => {
    const browser = home().browser();
    const { state } = await begun(browser);
    const error = encodeURIComponent('<script>alert(1)</script>');
    const iss = encodeURIComponent(home().provider.issuer);
    const page = await browser.send(`${CALLBACK}?error=${error}&state=${state}&iss=${iss}`);
    expect(page.status).toBe(401);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain('&#60;script&#62;alert(1)');
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain(`<a href="${LOGIN}">`);
  });
});

describe('an ID token', () => {
  const inThePast = Math.floor(Date.now() / 1000) - 3600;
  const forgeries: [string, Forging, number][] = [
    ['as it is', {}, 302],
    ['for another client', { claims: { aud: 'somebody-else' } }, 401],
    ['of another provider', { claims: { iss: 'https://evil.test' } }, 401],
    ['that has expired', { claims: { exp: inThePast } }, 401],
    ['for another attempt', { claims: { nonce: 'A'.repeat(43) } }, 401],
    ['without a nonce', { claims: { nonce: undefined } }, 401],
    ['without a subject', { claims: { sub: undefined } }, 401],
    ['signed with a key of somebody else', { signedBy: 'stranger' }, 401],
    ['signed by nobody', { signedBy: 'nobody' }, 401],
    ['with more groups, signed by somebody else', { claims: { groups: ['fleet-admins'] }, signedBy: 'stranger' }, 401],
  ];

  test.each(forgeries)('%s is looked at', async (_what, forging, status) => {
    const { browser, provider } = home();
    const theirs = browser();
    const back = await theirs.logInUntilBack(LOGIN, 'vera');
    provider.forge(forging);
    const answer = await theirs.send(back, JSON_ONLY);
    provider.forge(undefined);
    expect(answer).toMatchObject({ status });
    expect(tokenOf(theirs) !== undefined).toBe(status === 302);
    if (status !== 302) expect(answer.json()).toMatchObject({ title: expect.stringContaining('does not hold') });
  });
});

describe('a change by session', () => {
  const stop = (browser: Browser, headers: Record<string, string>) =>
    browser.send(`${HERE}/v1/killswitch/qa`, { method: 'PUT', json: { message: 'stop' }, headers });

  test.each([
    ['from the same origin', { Origin: HERE }, 200],
    ['from nowhere that is said', {}, 403],
    ['from another site', { Origin: 'https://evil.test' }, 403],
    ['from another port', { Origin: 'http://127.0.0.1:10' }, 403],
    ['from the same name without the port', { Origin: 'http://127.0.0.1' }, 403],
    ['from the same name by another protocol', { Origin: 'https://127.0.0.1:9' }, 403],
    ['from a page without an origin', { Origin: 'null' }, 403],
    ['from a name that begins alike', { Origin: `${HERE}.evil.test` }, 403],
    ['of the type that forms send', { Origin: HERE, 'Content-Type': 'text/plain' }, 415],
  ])('%s is answered as it should be', async (_from, headers, status) => {
    const theirs = home().browser();
    await theirs.logIn(LOGIN, 'otto');
    const answer = await stop(theirs, headers);
    expect(answer).toMatchObject({ status });
    if (status === 403) expect(answer.json()).toMatchObject({ code: 'foreign-origin' });
    if (status === 200) expect((await home().events('kill'))[0]).toMatchObject({ by: 'otto', from: '127.0.0.1' });
  });

  test('is refused to a viewer', async () => {
    const theirs = home().browser();
    await theirs.logIn(LOGIN, 'vera');
    expect((await stop(theirs, { Origin: HERE })).json()).toMatchObject({ code: 'forbidden' });
  });

  test.each([
    ['another site', { Origin: 'https://evil.test' }, 'foreign-origin'],
    ['nowhere that is said', {}, 'foreign-origin'],
    ['a form', { Origin: HERE, 'Content-Type': 'application/x-www-form-urlencoded' }, 'unsupported-media-type'],
  ])('nobody is logged out by %s', async (_from, headers, code) => {
    const theirs = home().browser();
    await theirs.logIn(LOGIN, 'vera');
    const answer = await theirs.send(`${HERE}/logout`, { method: 'POST', json: {}, headers });
    expect(answer.json()).toMatchObject({ code });
    expect((await theirs.send(SESSION)).status).toBe(200);
  });
});
