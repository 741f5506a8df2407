import { resolve } from 'node:path';
import { NOTIFICATION_KINDS } from '../core/notification.ts';
import type { FileError } from '../core/problem.ts';
import { parseYamlDocument } from '../core/yaml-file.ts';
import { checkTogether } from './check.ts';
import { parseListen } from './listen.ts';
import { fromEnvironment, fromFlags, type SetValue } from './overrides.ts';
import { fileSchema, SETTING_KEYS, type SettingKey, type SettingValues, settingsSchema } from './schema.ts';
import type {
  NotifySettings,
  NotifyTarget,
  OidcSettings,
  RepoSettings,
  RepoSource,
  Settings,
  TlsSettings,
} from './settings.ts';

export interface SettingsInputs {
  /** The directory of control files; relative paths start there. */
  readonly base: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By dotted key, as text or as a value. */
  readonly flags: Readonly<Partial<Record<SettingKey, unknown>>>;
}

export interface SettingsSource extends SettingsInputs {
  /** The last valid text of `server.yml` that a state directory keeps. */
  readonly lastValid: (stateDir: string) => string | undefined;
}

export type SettingsRead =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly errors: readonly FileError[] };

/**
 * Reads the settings: the text of `server.yml` (null = there is none), overridden by `TAGWAVE_…` variables, overridden by
 * flags, the rest filled in. All errors at once, each naming the line, variable or flag it comes from.
 */
export function readSettings(source: SettingsInputs & { readonly text: string | null }): SettingsRead {
  const file = fromFile(source.text ?? '{}');
  const environment = fromEnvironment(source.env);
  const flags = fromFlags(source.flags);
  const set = new Map([...file.set, ...environment.set, ...flags.set]);
  const errors = [...file.errors, ...environment.errors, ...flags.errors];
  const values = settingsSchema.parse(Object.fromEntries([...set].map(([key, { value }]) => [key, value])));
  // What an unreadable file would have said about the rest cannot be known.
  if (file.errors.length === 0) errors.push(...checkTogether(values, set));
  return errors.length > 0 ? { ok: false, errors } : { ok: true, settings: freeze(settingsFrom(values, source.base)) };
}

function fromFile(text: string): { set: Map<SettingKey, SetValue>; errors: readonly FileError[] } {
  const set = new Map<SettingKey, SetValue>();
  const parsed = parseYamlDocument('server.yml', text, fileSchema);
  if (!parsed.ok) return { set, errors: parsed.errors };
  for (const key of SETTING_KEYS) {
    const path = key.split('.');
    const value = path.reduce<unknown>(inside, parsed.value.value);
    const by = { file: 'server.yml', line: parsed.value.lineOf(path), key };
    if (value !== undefined) set.set(key, { value, by });
  }
  return { set, errors: [] };
}

function inside(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function settingsFrom(values: SettingValues, base: string): Settings {
  const from = resolve(base);
  return {
    listen: parseListen(values.listen) ?? { host: '127.0.0.1', port: 8420 },
    workers: values.workers,
    stateDir: resolve(from, values.state_dir),
    settleSeconds: values.settle_seconds,
    nodetagger:
      values.nodetagger === 'schedule' ? { kind: 'schedule' } : program(from, values.nodetagger, 'nodetagger'),
    nodegrouper: values.nodegrouper === 'none' ? { kind: 'none' } : program(from, values.nodegrouper, 'nodegrouper'),
    clientTags: values.client_tags,
    repo: repoFrom(values, from),
    snapshot: {
      retentionHours: values['snapshot.retention_hours'],
      keepAtLeast: values['snapshot.keep_at_least'],
    },
    tagstate: { repositoryMayApprove: values['tagstate.repository_may_approve'] },
    views: {
      archiveCacheMebibytes: values['views.archive_cache_mebibytes'],
      deltaCacheMebibytes: values['views.delta_cache_mebibytes'],
    },
    auth: {
      nodes: values['auth.nodes'] ?? null,
      joining: values['auth.joining'],
      rotationOverlapMinutes: values['auth.rotation_overlap_minutes'],
      pendingHours: values['auth.pending_hours'],
    },
    tls: tlsFrom(values, from),
    oidc: oidcFrom(values, from),
    http: {
      trustProxy: values['http.trust_proxy'],
      localChanges: values['http.local_changes'],
      // Who has tokens needs no right that every local user has, too.
      localReads: values['http.local_reads'] ?? (values['auth.nodes'] ?? 'none') === 'none',
      publicUrl: values['http.public_url'] ?? null,
      bodyLimitKib: values['http.body_limit_kib'],
      maxConnections: values['http.max_connections'],
      connectionsPerAddress: values['http.connections_per_address'],
      headersTimeoutSeconds: values['http.headers_timeout_seconds'],
      requestTimeoutSeconds: values['http.request_timeout_seconds'],
      keepAliveTimeoutSeconds: values['http.keep_alive_timeout_seconds'],
      maxWaitSeconds: values['http.max_wait_seconds'],
    },
    limits: {
      nodeRequestsPerMinute: values['limits.node_requests_per_minute'],
      addressRequestsPerMinute: values['limits.address_requests_per_minute'],
      addressFailuresPerMinute: values['limits.address_failures_per_minute'],
    },
    poll: { afterSeconds: values['poll.after_seconds'] },
    fleet: {
      silentAfterMinutes: values['fleet.silent_after_minutes'],
      forgetAfterDays: values['fleet.forget_after_days'],
      mostNodes: values['fleet.most_nodes'],
    },
    store: { reportDays: values['store.report_days'], eventDays: values['store.event_days'] },
    notify: notifyFrom(values, from),
    log: { level: values['log.level'] },
    stop: { graceSeconds: values['stop.grace_seconds'] },
  };
}

function notifyFrom(values: SettingValues, base: string): NotifySettings {
  return {
    targets: values['notify.targets'].flatMap((target) => targetFrom(target, base)),
    failureSpikeNodes: values['notify.failure_spike_nodes'],
    failureSpikeMinutes: values['notify.failure_spike_minutes'],
    timeoutSeconds: values['notify.timeout_seconds'],
    keepMessages: values['notify.keep_messages'],
    keepHours: values['notify.keep_hours'],
  };
}

function targetFrom(target: SettingValues['notify.targets'][number], base: string): NotifyTarget[] {
  const { name, url, url_file: file, format, kinds = NOTIFICATION_KINDS, environments = null, waves = null } = target;
  const place: NotifyTarget['place'] | undefined =
    url !== undefined
      ? { kind: 'url', url }
      : file !== undefined
        ? { kind: 'file', file: secretPath(base, file) }
        : undefined;
  if (place === undefined) return [];
  return [
    {
      name,
      place,
      format,
      secretFile: fileFrom(target.secret_file, base),
      kinds: [...kinds],
      environments,
      waves,
      minSeverity: target.min_severity,
      ca: fileFrom(target.ca, base),
      plainHttp: target.plain_http,
    },
  ];
}

function tlsFrom(values: SettingValues, base: string): TlsSettings | null {
  const { 'tls.cert': cert, 'tls.key': key, 'tls.client_ca': ca, 'tls.client_crl': crl } = values;
  if (cert === undefined || key === undefined) return null;
  return {
    cert: secretPath(base, cert),
    key: secretPath(base, key),
    minVersion: values['tls.min_version'],
    clientCa: ca === undefined ? null : secretPath(base, ca),
    clientCrl: crl === undefined ? null : secretPath(base, crl),
  };
}

function oidcFrom(values: SettingValues, base: string): OidcSettings | null {
  const { 'oidc.issuer': issuer, 'oidc.client_id': clientId, 'oidc.client_secret_file': secret } = values;
  const { 'oidc.ca': ca, 'http.public_url': publicUrl } = values;
  if (issuer === undefined || clientId === undefined || secret === undefined || publicUrl === undefined) return null;
  return {
    issuer,
    clientId,
    clientSecretFile: secretPath(base, secret),
    ca: ca === undefined ? null : secretPath(base, ca),
    scopes: values['oidc.scopes'],
    claim: values['oidc.claim'],
    viewers: values['oidc.viewers'],
    operators: values['oidc.operators'],
    admins: values['oidc.admins'],
    sessionHours: values['oidc.session_hours'],
    publicUrl: publicUrl.replace(/\/+$/, ''),
  };
}

function fileFrom(path: string | undefined, base: string): string | null {
  return path === undefined ? null : secretPath(base, path);
}

/** What systemd hands over is named, not found at a path of ours. */
function secretPath(base: string, path: string): string {
  return path.startsWith('credential:') ? path : resolve(base, path);
}

function program(base: string, path: string | undefined, usual: string): { kind: 'auto' | 'program'; path: string } {
  return path === undefined
    ? { kind: 'auto', path: resolve(base, usual) }
    : { kind: 'program', path: resolve(base, path) };
}

function repoFrom(values: SettingValues, base: string): RepoSettings {
  return {
    source: sourceFrom(values, base),
    access: {
      tokenFile: fileFrom(values['repo.token_file'], base),
      sshKeyFile: fileFrom(values['repo.ssh_key_file'], base),
      sshKnownHostsFile: fileFrom(values['repo.ssh_known_hosts_file'], base),
    },
    pollSeconds: values['repo.poll_seconds'],
    fetchTimeoutSeconds: values['repo.fetch_timeout_seconds'],
    requireFastForward: values['repo.require_fast_forward'],
    submodules: values['repo.submodules'],
    signatures: signaturesFrom(values, base),
  };
}

function signaturesFrom(values: SettingValues, base: string): RepoSettings['signatures'] {
  const { 'repo.verify': kind, 'repo.allowed_signers': file } = values;
  return kind === 'none' || file === undefined ? null : { kind, allowedSigners: resolve(base, file) };
}

function sourceFrom(values: SettingValues, base: string): RepoSource {
  const url = values['repo.url'];
  if (url !== undefined)
    return { kind: 'url', url: isPath(url) ? resolve(base, url) : url, branch: values['repo.branch'] ?? null };
  const path = resolve(base, values['repo.directory'] ?? 'trunk');
  return { kind: 'directory', path, update: values['repo.update'] ?? null };
}

/** As git tells them apart: with a colon before the first slash it is `scheme://…` or `host:path`. */
function isPath(url: string): boolean {
  return !/^[^/]*:/.test(url);
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
