import type { SettingKey } from './schema.ts';
import type { Settings } from './settings.ts';

/** What is opened once, when the server starts. Everything else counts from the moment the file has settled. */
const OPENED_ONCE: Readonly<Partial<Record<SettingKey, (settings: Settings) => unknown>>> = {
  listen: ({ listen }) => `${listen.host} ${listen.port}`,
  workers: ({ workers }) => workers,
  state_dir: ({ stateDir }) => stateDir,
  'repo.url': ({ repo: { source } }) => (source.kind === 'url' ? source.url : undefined),
  'repo.branch': ({ repo: { source } }) => (source.kind === 'url' ? source.branch : undefined),
  'repo.directory': ({ repo: { source } }) => (source.kind === 'directory' ? source.path : undefined),
  'repo.update': ({ repo: { source } }) => (source.kind === 'directory' ? source.update?.join('\0') : undefined),
  'repo.token_file': ({ repo }) => repo.access.tokenFile,
  'repo.ssh_key_file': ({ repo }) => repo.access.sshKeyFile,
  'repo.ssh_known_hosts_file': ({ repo }) => repo.access.sshKnownHostsFile,
  'repo.fetch_timeout_seconds': ({ repo }) => repo.fetchTimeoutSeconds,
  'repo.require_fast_forward': ({ repo }) => repo.requireFastForward,
  'repo.submodules': ({ repo }) => repo.submodules,
  'repo.verify': ({ repo }) => repo.signatures?.kind,
  'repo.allowed_signers': ({ repo }) => repo.signatures?.allowedSigners,
  'tls.cert': ({ tls }) => tls?.cert,
  'tls.key': ({ tls }) => tls?.key,
  'tls.min_version': ({ tls }) => tls?.minVersion,
  'tls.client_ca': ({ tls }) => tls?.clientCa,
  'tls.client_crl': ({ tls }) => tls?.clientCrl,
  'http.body_limit_kib': ({ http }) => http.bodyLimitKib,
  'http.max_connections': ({ http }) => http.maxConnections,
  'http.connections_per_address': ({ http }) => http.connectionsPerAddress,
  'http.headers_timeout_seconds': ({ http }) => http.headersTimeoutSeconds,
  'http.request_timeout_seconds': ({ http }) => http.requestTimeoutSeconds,
  'http.keep_alive_timeout_seconds': ({ http }) => http.keepAliveTimeoutSeconds,
  'log.level': ({ log }) => log.level,
};

/** The dotted keys of settings that differ and only count after a restart, in the order of the sample file. */
export function settingsNeedingRestart(before: Settings, after: Settings): string[] {
  return Object.entries(OPENED_ONCE).flatMap(([key, valueIn]) => (valueIn(before) === valueIn(after) ? [] : [key]));
}
