import * as z from 'zod';
import { NOTIFICATION_KINDS } from '../core/notification.ts';
import { wholeNumber } from '../core/yaml-shape.ts';
import { isAddressRange, parseListen } from './listen.ts';
import { isIssuer, isPublicUrl, isWebhook } from './public-url.ts';
import { LOG_LEVELS } from './settings.ts';

const A_MINUTE = { min: 0, max: 60_000_000 };
const DAYS = { min: 1, max: 36_500 };

/** `seconds`, `hours`, … within bounds that keep the arithmetic of time safe. */
function whole(unit: string, bounds: { readonly min: number; readonly max: number }): z.ZodNumber {
  return wholeNumber(`a whole number of ${unit}, ${bounds.min} to ${bounds.max}`, bounds);
}

function text(expected: string, accepts: (text: string) => boolean): z.ZodString {
  return z.string(expected).refine(accepts, expected);
}

const ADDRESS = 'HOST:PORT, such as 127.0.0.1:8420 or [::1]:8420';
const PUBLIC_URL = 'the URL under which hosts reach the server, such as https://tagwave.example.com';
const WORKERS = 'a whole number of workers, 1 to 64, or auto';
const SETTLE = 'a number of seconds, 0 to 3600';
const BRANCH = 'the name of a branch';
const PROXIES = 'a list of addresses and ranges, such as [127.0.0.1, 10.0.0.0/8]';
const PROXY = 'an address or a range, such as 127.0.0.1 or 10.0.0.0/8';
const ISSUER = 'the https URL of the provider, as it calls itself, such as https://login.example.com/realms/main';
const path = text('a path', isVisible);
const claimValues = z.array(text('a value of the claim', isVisible), 'a list of values of the claim').default([]);

function isVisible(value: string): boolean {
  return value.trim() !== '' && !/\p{Cc}/u.test(value);
}

function isScope(value: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}

/** As git's own rules for names, and nothing that could be taken for an option. */
function isBranch(name: string): boolean {
  return isVisible(name) && !/^[-/.]|\.\.|@\{|[\s~^:?*[\\]|\/[/.]|\.lock(\/|$)|[/.]$/.test(name);
}

const WEBHOOK = 'the URL of a webhook, without a user or password in it';
const TARGET_NAME = 'a name of letters, digits, dots, hyphens and underscores, at most 64 of them';
const names = (expected: string) =>
  z.array(text(expected, isVisible), `a list, each ${expected}`).min(1, `at least ${expected}`);

/** Who is told of what. */
const notifyTarget = z.strictObject({
  name: text(TARGET_NAME, (name) => /^[A-Za-z0-9][\w.-]{0,63}$/.test(name)),
  url: text(WEBHOOK, isWebhook).optional(),
  url_file: path.optional(),
  format: z.enum(['json', 'slack']).default('json'),
  secret_file: path.optional(),
  kinds: z.array(z.enum(NOTIFICATION_KINDS), 'a list of kinds').min(1, 'at least one kind').optional(),
  environments: names('the name of an environment').optional(),
  waves: names('the name of a wave').optional(),
  min_severity: z.enum(['warning', 'error']).default('warning'),
  ca: path.optional(),
  plain_http: z.boolean().default(false),
});

/** All settings by dotted key, with their defaults. Without one: absent means something of its own. */
export const settingsSchema = z.strictObject({
  listen: text(ADDRESS, (value) => parseListen(value) !== undefined).default('127.0.0.1:8420'),
  workers: z.union([wholeNumber(WORKERS, { min: 1, max: 64 }), z.literal('auto')], WORKERS).default(1),
  state_dir: path.default('var'),
  settle_seconds: z.number(SETTLE).min(0, SETTLE).max(3600, SETTLE).default(2),
  nodetagger: text('schedule, or the path of an executable or of a .mjs module', isVisible).optional(),
  nodegrouper: text('none, or the path of an executable or of a .mjs module', isVisible).optional(),
  client_tags: z.enum(['any', 'good', 'none']).default('any'),
  'repo.url': text('a git URL or a path', (value) => isVisible(value) && !value.startsWith('-')).optional(),
  'repo.branch': text(BRANCH, isBranch).optional(),
  'repo.directory': path.optional(),
  'repo.update': z.array(z.string('a word of a command'), 'a list of words').min(1, 'at least the program').optional(),
  'repo.token_file': path.optional(),
  'repo.ssh_key_file': path.optional(),
  'repo.ssh_known_hosts_file': path.optional(),
  'repo.poll_seconds': whole('seconds', { min: 1, max: 86_400 }).default(60),
  'repo.fetch_timeout_seconds': whole('seconds', { min: 1, max: 3600 }).default(30),
  'repo.require_fast_forward': z.boolean().default(false),
  'repo.submodules': z.enum(['refuse', 'ignore']).default('refuse'),
  'repo.verify': z.enum(['none', 'ssh', 'gpg']).default('none'),
  'repo.allowed_signers': path.optional(),
  'snapshot.retention_hours': whole('hours', { min: 1, max: 876_600 }).default(720),
  'snapshot.keep_at_least': whole('tags', { min: 0, max: 1_000_000 }).default(24),
  'tagstate.repository_may_approve': z.boolean().default(false),
  'views.archive_cache_mebibytes': whole('MiB', { min: 64, max: 100_000_000 }).default(4096),
  'views.delta_cache_mebibytes': whole('MiB', { min: 0, max: 1_000_000 }).default(256),
  'auth.nodes': z.enum(['none', 'tokens', 'mtls']).optional(),
  'auth.joining': z.enum(['first-use', 'join-token', 'approve', 'closed']).default('join-token'),
  'auth.rotation_overlap_minutes': whole('minutes', { min: 1, max: 525_600 }).default(60),
  'auth.pending_hours': whole('hours', { min: 1, max: 8760 }).default(72),
  'tls.cert': path.optional(),
  'tls.key': path.optional(),
  'tls.min_version': z.enum(['1.2', '1.3']).default('1.2'),
  'tls.client_ca': path.optional(),
  'tls.client_crl': path.optional(),
  'oidc.issuer': text(ISSUER, isIssuer).optional(),
  'oidc.client_id': text('the name by which the provider knows this server', isVisible).optional(),
  'oidc.client_secret_file': path.optional(),
  'oidc.ca': path.optional(),
  'oidc.scopes': z.array(text('a scope', isScope), 'a list of scopes').default(['openid', 'profile', 'email']),
  'oidc.claim': text('the name of a claim', isVisible).default('groups'),
  'oidc.viewers': claimValues,
  'oidc.operators': claimValues,
  'oidc.admins': claimValues,
  'oidc.session_hours': whole('hours', { min: 1, max: 720 }).default(8),
  'http.local_changes': z.boolean().default(false),
  'http.local_reads': z.boolean().optional(),
  'http.trust_proxy': z.array(text(PROXY, isAddressRange), PROXIES).default([]),
  'http.public_url': text(PUBLIC_URL, isPublicUrl).optional(),
  'http.body_limit_kib': whole('KiB', { min: 1, max: 65_536 }).default(256),
  'http.max_connections': whole('connections', { min: 1, max: 1_000_000 }).default(10_000),
  'http.connections_per_address': whole('connections', { min: 0, max: 1_000_000 }).default(2_000),
  'http.headers_timeout_seconds': whole('seconds', { min: 1, max: 3600 }).default(15),
  'http.request_timeout_seconds': whole('seconds', { min: 1, max: 3600 }).default(60),
  'http.keep_alive_timeout_seconds': whole('seconds', { min: 1, max: 3600 }).default(65),
  'http.max_wait_seconds': whole('seconds', { min: 0, max: 600 }).default(55),
  'limits.node_requests_per_minute': whole('requests', A_MINUTE).default(600),
  'limits.address_requests_per_minute': whole('requests', A_MINUTE).default(120_000),
  'limits.address_failures_per_minute': whole('requests', A_MINUTE).default(300),
  'poll.after_seconds': whole('seconds', { min: 1, max: 86_400 }).default(300),
  'fleet.silent_after_minutes': whole('minutes', { min: 1, max: 525_600 }).default(60),
  'fleet.forget_after_days': whole('days', DAYS).default(30),
  'fleet.most_nodes': whole('nodes', { min: 1, max: 10_000_000 }).default(250_000),
  'store.report_days': whole('days', DAYS).default(30),
  'store.event_days': whole('days', DAYS).default(400),
  'notify.targets': z.array(notifyTarget, 'a list of targets').default([]),
  'notify.failure_spike_nodes': whole('nodes', { min: 0, max: 1_000_000 }).default(3),
  'notify.failure_spike_minutes': whole('minutes', { min: 1, max: 1440 }).default(15),
  'notify.timeout_seconds': whole('seconds', { min: 1, max: 120 }).default(10),
  'notify.keep_messages': whole('messages', { min: 1, max: 1_000_000 }).default(1000),
  'notify.keep_hours': whole('hours', { min: 1, max: 8760 }).default(72),
  'log.level': z.enum(LOG_LEVELS).default('info'),
  'stop.grace_seconds': whole('seconds', { min: 0, max: 600 }).default(10),
});

export type SettingKey = keyof z.output<typeof settingsSchema>;
/** Every setting, defaults filled in. */
export type SettingValues = z.output<typeof settingsSchema>;

export const SETTING_KEYS = settingsSchema.keyof().options;

/** What a setting accepts where it is written, without its default. */
export function shapeOf(key: SettingKey): z.ZodType {
  const shape = settingsSchema.shape[key];
  return shape.unwrap();
}

/** `server.yml`: the same keys as nested mappings, none of them required. */
export const fileSchema = z.strictObject(sections());

function sections(): Record<string, z.ZodType> {
  const inner = new Map<string, Record<string, z.ZodType>>();
  const outer: Record<string, z.ZodType> = {};
  for (const key of SETTING_KEYS) {
    const [section = '', name] = key.split('.');
    if (name === undefined) outer[section] = shapeOf(key).optional();
    else inner.set(section, { ...inner.get(section), [name]: shapeOf(key).optional() });
  }
  for (const [section, shape] of inner) outer[section] = z.strictObject(shape).optional();
  return outer;
}
