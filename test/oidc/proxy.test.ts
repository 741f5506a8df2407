import { describe, expect, test } from 'vitest';
import { ABROAD, PROXY_SAYS, sharedHouse } from './house.ts';

describe('behind a proxy that speaks TLS', async () => {
  const abroad = await sharedHouse({ publicUrl: ABROAD });

  test('people log in with cookies that go over TLS and that no other host can set', async () => {
    const { browser, events } = abroad();
    const theirs = browser();
    const begin = await theirs.send(`${ABROAD}/login`);
    expect(begin.headers['set-cookie']).toEqual([
      expect.stringMatching(/^__Host-tagwave-login=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/),
    ]);
    const page = await theirs.logIn(`${ABROAD}/login`, 'otto');
    expect(page).toMatchObject({ status: 200, url: `${ABROAD}/v1/session` });
    expect([...theirs.cookies(ABROAD).keys()]).toEqual(['__Host-tagwave']);
    expect((await events('login'))[0]).toMatchObject({ by: 'otto', from: '203.0.113.7' });
  });

  test('changes are taken although the proxy asks by another name', async () => {
    const theirs = abroad().browser();
    await theirs.logIn(`${ABROAD}/login`, 'otto');
    const headers = { Origin: ABROAD, Host: 'backend:8420' };
    const change = { method: 'PUT', json: { message: 'stop' }, headers };
    expect((await theirs.send(`${ABROAD}/v1/killswitch/qa`, change)).status).toBe(200);
    const rebound = { ...change, headers: { Origin: 'https://evil.test', Host: 'evil.test' } };
    expect((await theirs.send(`${ABROAD}/v1/killswitch/qa`, rebound)).json()).toMatchObject({ code: 'foreign-origin' });
    expect((await theirs.send(`${ABROAD}/logout`, { method: 'POST', json: {}, headers })).status).toBe(200);
    expect(theirs.cookies(ABROAD).size).toBe(0);
  });

  test('nobody logs in over plain HTTP, and a session that comes so is refused', async () => {
    const theirs = abroad().browser();
    await theirs.logIn(`${ABROAD}/login`, 'vera');
    const { server } = abroad();
    const plain = { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'http' } };
    for (const path of ['/login', '/login/callback?code=x&state=y'])
      expect((await server.ask(path, plain)).json()).toMatchObject({ code: 'insecure-transport' });
    const cookie = `__Host-tagwave=${theirs.cookies(ABROAD).get('__Host-tagwave')?.value}`;
    const answer = await server.ask('/v1/session', { headers: { ...plain.headers, Cookie: cookie } });
    expect(answer.json()).toMatchObject({ code: 'insecure-transport' });
  });

  test('a session in a cookie that another host of the domain may have set counts for nothing', async () => {
    const theirs = abroad().browser();
    await theirs.logIn(`${ABROAD}/login`, 'vera');
    const value = theirs.cookies(ABROAD).get('__Host-tagwave')?.value;
    const ask = (Cookie: string) => abroad().server.ask('/v1/session', { headers: { ...PROXY_SAYS, Cookie } });
    expect((await ask(`__Host-tagwave=${value}`)).status).toBe(200);
    expect((await ask(`tagwave=${value}`)).status).toBe(401);
    expect((await ask(`tagwave=tws_${'A'.repeat(43)}; __Host-tagwave=${value}`)).status).toBe(200);
  });
});
