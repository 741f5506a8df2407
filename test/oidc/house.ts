import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import type { EventKind, StoredEvent } from '../../server/core/event.ts';
import type { SettingKey } from '../../server/settings/schema.ts';
import { type Serving, serving, sharedServing } from '../http/serving.ts';
import { discard } from '../rig/secrets.ts';
import { type Browser, browser } from './browser.ts';
import { CLIENT_SECRET, type People, type ProviderOptions, type RunningProvider, startProvider } from './provider.ts';

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
  /** What was recorded, the newest first. */
  events(kind: EventKind): Promise<StoredEvent[]>;
}

export interface HouseOptions extends Pick<ProviderOptions, 'tellsAllAtOnce' | 'tls'> {
  readonly settings?: Partial<Record<SettingKey, unknown>>;
  readonly publicUrl?: string;
}

/** A server and the provider at which people log in. */
export async function house(options: HouseOptions = {}): Promise<House> {
  const { provider, settings, directory } = await furnish(options);
  onTestFinished(async () => {
    await provider.stop();
    discard(directory);
  });
  return at(options, provider, await serving({ settings }));
}

/** One for all tests of a file. */
export async function sharedHouse(options: HouseOptions = {}): Promise<() => House> {
  const { provider, settings, directory } = await furnish(options);
  afterAll(async () => {
    await provider.stop();
    discard(directory);
  });
  const server = sharedServing({ settings });
  return () => at(options, provider, server());
}

async function furnish({ settings = {}, publicUrl = HERE, tellsAllAtOnce = false, tls }: HouseOptions) {
  const provider = await startProvider({
    people: PEOPLE,
    redirectUris: [`${publicUrl}/login/callback`],
    tellsAllAtOnce,
    tls,
  });
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  const secret = join(directory, 'oidc-secret');
  await writeFile(secret, `${CLIENT_SECRET}\n`, { mode: 0o600 });
  const all: Partial<Record<SettingKey, unknown>> = {
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
  };
  return { provider, directory, settings: all };
}

function at({ publicUrl = HERE }: HouseOptions, provider: RunningProvider, server: Serving): House {
  const headers = publicUrl === ABROAD ? PROXY_SAYS : {};
  return {
    provider,
    server,
    browser: () => browser({ routes: { [publicUrl]: { to: server.url, headers } } }),
    async events(kind) {
      server.app.context.refusals.flush();
      await server.app.context.journal.flush();
      return server.app.context.store.events({ kinds: [kind], limit: 50 });
    },
  };
}
