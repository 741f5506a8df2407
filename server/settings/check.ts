import type { FileError } from '../core/problem.ts';
import { checkTargets } from './check-notify.ts';
import { isLoopback, parseListen } from './listen.ts';
import type { SetValue } from './overrides.ts';
import { isKeptPrivate } from './public-url.ts';
import type { SettingKey, SettingValues } from './schema.ts';

/** What no setting can be blamed for alone. */
export function checkTogether(values: SettingValues, set: ReadonlyMap<SettingKey, SetValue>): FileError[] {
  const errors: FileError[] = [];
  const wrong = (key: SettingKey, expected: string, found: string) => {
    const by = set.get(key)?.by ?? { file: 'server.yml', line: 1, key };
    errors.push({ ...by, expected, found });
  };
  const has = (key: SettingKey) => values[key] !== undefined;
  const beside = (key: SettingKey) => `it beside ${set.get(key)?.by.key ?? key}`;
  if (has('repo.url') && has('repo.directory'))
    wrong('repo.directory', 'either repo.url or repo.directory', beside('repo.url'));
  if (has('repo.url') && has('repo.update'))
    wrong('repo.update', 'no command: what has a repo.url is fetched with git', beside('repo.url'));
  if (has('repo.branch') && !has('repo.url'))
    wrong('repo.branch', 'a repo.url that it is a branch of (of a directory its HEAD is taken)', 'none');
  const url = values['repo.url'] ?? '';
  if (has('repo.token_file') && !/^https:\/\//i.test(url))
    wrong(
      'repo.token_file',
      'a repo.url that begins with https://: anybody on the way could read the token',
      'another',
    );
  for (const key of ['repo.ssh_key_file', 'repo.ssh_known_hosts_file'] as const)
    if (has(key) && !isSsh(url)) wrong(key, 'a repo.url that git takes by ssh: ssh://… or user@host:path', 'another');
  if (values['repo.verify'] !== 'none' && !has('repo.allowed_signers'))
    wrong('repo.verify', 'repo.allowed_signers beside it: the file of those who may sign', 'none');
  if (values['repo.verify'] === 'none' && has('repo.allowed_signers'))
    wrong('repo.allowed_signers', 'repo.verify beside it, ssh or gpg: nothing is checked otherwise', 'verify: none');
  if (values['http.headers_timeout_seconds'] > values['http.request_timeout_seconds'])
    wrong(
      'http.headers_timeout_seconds',
      `at most http.request_timeout_seconds (${values['http.request_timeout_seconds']})`,
      String(values['http.headers_timeout_seconds']),
    );
  const host = parseListen(values.listen)?.host ?? '';
  if (!isLoopback(host) && !has('auth.nodes'))
    wrong(
      'listen',
      'an address of this machine only, such as 127.0.0.1:8420, or auth.nodes written out: tokens, mtls, or none, which lets whoever reaches the port ask for the files of any node',
      JSON.stringify(values.listen),
    );
  if (has('tls.cert') !== has('tls.key'))
    wrong(has('tls.cert') ? 'tls.cert' : 'tls.key', 'both tls.cert and tls.key, or neither', 'one of them');
  for (const key of ['tls.client_ca', 'tls.client_crl'] as const)
    if (has(key) && !has('tls.cert')) wrong(key, 'it beside tls.cert and tls.key', 'no tls.cert');
  if (has('tls.client_crl') && !has('tls.client_ca'))
    wrong('tls.client_crl', 'it beside the tls.client_ca that signed it', 'no tls.client_ca');
  if (values['auth.nodes'] === 'mtls' && !has('tls.client_ca'))
    wrong(
      'auth.nodes',
      'tls.cert, tls.key and tls.client_ca, since certificates are shown in TLS',
      'mtls without them',
    );
  if (
    values['auth.nodes'] === 'tokens' &&
    !isLoopback(host) &&
    !has('tls.cert') &&
    values['http.trust_proxy'].length === 0
  )
    wrong(
      'auth.nodes',
      'tls.cert and tls.key, or a proxy that speaks TLS in http.trust_proxy, since tokens are refused over plain HTTP',
      'tokens without them',
    );
  errors.push(...checkLogin(values, set));
  for (const [expected, found] of checkTargets(values['notify.targets'])) wrong('notify.targets', expected, found);
  return errors;
}

/** People log in at a provider with all of it, or nowhere. */
function checkLogin(values: SettingValues, set: ReadonlyMap<SettingKey, SetValue>): FileError[] {
  const errors: FileError[] = [];
  const wrong = (key: SettingKey, expected: string, found: string) => {
    const by = set.get(key)?.by ?? { file: 'server.yml', line: 1, key };
    errors.push({ ...by, expected, found });
  };
  if (values['oidc.issuer'] === undefined) {
    for (const key of ['oidc.client_id', 'oidc.client_secret_file', 'oidc.ca'] as const)
      if (values[key] !== undefined) wrong(key, 'oidc.issuer beside it: who knows the people', 'none');
    return errors;
  }
  for (const key of ['oidc.client_id', 'oidc.client_secret_file', 'http.public_url'] as const)
    if (values[key] === undefined) wrong('oidc.issuer', `${key} beside it`, 'none');
  const publicUrl = values['http.public_url'];
  if (publicUrl !== undefined && !isKeptPrivate(publicUrl))
    wrong('http.public_url', 'an https URL, since people log in there (oidc.issuer)', JSON.stringify(publicUrl));
  const { 'oidc.viewers': viewers, 'oidc.operators': operators, 'oidc.admins': admins, 'oidc.scopes': scopes } = values;
  if ([viewers, operators, admins].every(({ length }) => length === 0))
    wrong('oidc.issuer', 'oidc.viewers, oidc.operators or oidc.admins beside it: who may log in', 'none of them');
  if (!scopes.includes('openid')) wrong('oidc.scopes', 'openid among them', JSON.stringify(scopes));
  return errors;
}

/** As git tells them apart. */
function isSsh(url: string): boolean {
  return /^(git\+)?ssh:\/\//i.test(url) || (!url.includes('://') && /^[^/]*:/.test(url));
}
