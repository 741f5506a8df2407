import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../server/http/routes.ts';
import { ask, type Serving, sharedServing } from '../http/serving.ts';
import { headersOf, makeTokens } from './people.ts';
import {
  ACTIONS,
  type Action,
  type Attacker,
  nameOf,
  OPEN,
  type Row,
  statusOf,
  unlisted,
  WITH_TOKENS,
  WITHOUT,
} from './table.ts';

test('every route is in the table of attackers and actions, with the access that the route has', () => {
  expect(unlisted()).toEqual([]);
  expect(ROUTES.filter((route) => route.access === 'anyone' && !OPEN.has(nameOf(route))).map(nameOf)).toEqual([]);
  for (const { route, access } of ACTIONS)
    expect([route, access]).toEqual([route, ROUTES.find((one) => nameOf(one) === route)?.access]);
});

/** All that somebody may not do, with what came of it, where that is not as it must be. */
async function wrongs(server: Serving, attacker: Attacker, row: Row): Promise<unknown[]> {
  const headers = headersOf(await tokensOf(server))[attacker];
  const found: unknown[] = [];
  for (const action of ACTIONS) {
    const { method, path, json } = action;
    const answer = await ask(server.url, path, { method, headers, ...(bodyOf(action) ? { json: json ?? {} } : {}) });
    const code = answer.status >= 400 ? String(answer.json()['code']) : null;
    const was = answer.status;
    const wanted = statusOf(row, action, server.app.settings.auth.nodes === 'tokens');
    if (was !== wanted) found.push({ action: action.route, wanted, was, code });
    if (was === 401)
      expect([code, answer.headers['www-authenticate']]).toEqual(['unauthenticated', 'Bearer realm="tagwave"']);
  }
  return found;
}

function bodyOf({ method }: Action): boolean {
  return method !== 'GET';
}

const made = new WeakMap<Serving, ReturnType<typeof makeTokens>>();

function tokensOf(server: Serving): ReturnType<typeof makeTokens> {
  const tokens = made.get(server) ?? makeTokens(server.app.context.credentials, server.clock.now());
  made.set(server, tokens);
  return tokens;
}

describe('where hosts have tokens', () => {
  const server = sharedServing({ settings: { 'auth.nodes': 'tokens', 'http.local_changes': false } });

  test.each(Object.entries(WITH_TOKENS))('%s gets as far as the table says, on every route', async (attacker, row) => {
    expect(await wrongs(server(), attacker as Attacker, row)).toEqual([]);
  });

  test('what never was, was revoked or has expired is answered in the same words', async () => {
    const headers = headersOf(await tokensOf(server()));
    const said = new Set<string>();
    for (const attacker of [
      'a token that was revoked',
      'a token that has expired',
      'a token that never was',
      'what is no token',
      'no credentials',
    ] as const)
      for (const path of ['/v1/nodes/web1', '/v1/nodes/nobody-knows-it']) {
        const answer = await ask(server().url, path, { headers: headers[attacker] });
        said.add(answer.text.replace(/"instance":"[^"]*"/, ''));
      }
    expect([...said]).toHaveLength(1);
  });

  test('nothing was changed by any of them', async () => {
    const headers = headersOf(await tokensOf(server())).viewer;
    expect((await ask(server().url, '/v1/killswitch', { headers })).json()).toEqual({ global: null, environments: [] });
  });
});

describe('where hosts show nothing', () => {
  const server = sharedServing({ settings: { 'auth.nodes': 'none', 'http.local_changes': false } });

  test.each(Object.entries(WITHOUT))('%s gets as far as the table says, on every route', async (attacker, row) => {
    expect(await wrongs(server(), attacker as Attacker, row)).toEqual([]);
  });
});
