import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SettingKey } from '../../server/settings/schema.ts';
import { type Serving, serving } from '../http/serving.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Browser, browser } from './browser.ts';
import { CLIENT_SECRET, type People, type RunningProvider, startProvider } from './provider.ts';

/** Where people reach the server: by the browsers of these tests it is found wherever it really listens. */
export const HERE = 'http://127.0.0.1:9';
/** … and where they reach it through a proxy that speaks TLS. */
export const ABROAD = 'https://tagwave.test';
export const PROXY_SAYS = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.7' };

export const PEOPLE: People = {
  vera: { preferred_username: 'vera', groups: ['watchers', 'staff'] },
  otto: { preferred_username: 'otto', groups: ['watchers', 'on-call'] },
  ada: { preferred_username: 'ada', groups: ['fleet-admins', 'on-call'] },
  sam: { preferred_username: 'sam', groups: 'on-call' },
  mallory: { preferred_username: 'mallory', groups: ['staff', 'on-call-2', 'Fleet-Admins'] },
  nobody: { preferred_username: 'nobody' },
  mail: { email: 'mail@example.com', email_verified: true, groups: ['watchers'] },
  claimed: { email: 'ada@example.com', email_verified: false, groups: ['watchers'] },
  'odd-name': { preferred_username: 'ada\u202e\n<b>', groups: ['watchers'] },
};

export interface House {
  readonly provider: RunningProvider;
  readonly server: Serving;
  /** A browser that has been nowhere yet. */
  browser(): Browser;
}

export interface HouseOptions {
  readonly settings?: Partial<Record<SettingKey, unknown>>;
  readonly publicUrl?: string;
}

/** A server and the provider at which people log in. */
export async function house({ settings = {}, publicUrl = HERE }: HouseOptions = {}): Promise<House> {
  const provider = await startProvider(PEOPLE, [`${publicUrl}/login/callback`]);
  const secret = join(await disposableDirectory(), 'oidc-secret');
  await writeFile(secret, `${CLIENT_SECRET}\n`);
  await chmod(secret, 0o600);
  const server = await serving({
    settings: {
      'oidc.issuer': provider.issuer,
      'oidc.client_id': 'tagwave',
      'oidc.client_secret_file': secret,
      'oidc.viewers': ['watchers'],
      'oidc.operators': ['on-call'],
      'oidc.admins': ['fleet-admins'],
      'http.public_url': publicUrl,
      'http.local_reads': false,
      'http.local_changes': false,
      ...(publicUrl === ABROAD ? { 'http.trust_proxy': ['127.0.0.1'] } : {}),
      ...settings,
    },
  });
  const headers = publicUrl === ABROAD ? PROXY_SAYS : {};
  return { provider, server, browser: () => browser({ routes: { [publicUrl]: { to: server.url, headers } } }) };
}
