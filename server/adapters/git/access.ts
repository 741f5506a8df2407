import { accessSync, constants } from 'node:fs';
import type { Attempt } from '../../ports/common.ts';
import { reasonOf } from '../files/failure.ts';
import { readSecret, secretPath } from '../files/secret-file.ts';
import { rememberSecret } from '../known-secrets.ts';

/** Files with what proves who we are: absolute paths or `credential:NAME`. */
export interface Access {
  readonly tokenFile: string | null;
  readonly sshKeyFile: string | null;
  readonly sshKnownHostsFile: string | null;
}

/** How git is called: `url` is without secrets, since everybody sees command lines; `env` is seen by our own user alone. */
export interface Entrance {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** What git needs to read from a URL. Files are read afresh, so that a new token counts without a restart. */
export function accessTo(url: string, access?: Access): Attempt<Entrance> {
  if (/^https?:\/\//i.test(url)) return byHttp(url, access?.tokenFile ?? null);
  if (!access || (access.sshKeyFile === null && access.sshKnownHostsFile === null))
    return { ok: true, value: { url, env: {} } };
  return bySsh(url, access);
}

function byHttp(url: string, tokenFile: string | null): Attempt<Entrance> {
  const inUrl = loginIn(url);
  const bare = inUrl?.url ?? url;
  if (tokenFile === null) return { ok: true, value: { url: bare, env: inUrl ? helperFor(bare, inUrl.login) : {} } };
  const secret = readSecret({ setting: 'repo.token_file', place: tokenFile });
  if (!secret.ok) return secret;
  const login = loginOf(secret.value.text);
  if (login !== undefined) return { ok: true, value: { url: bare, env: helperFor(bare, login) } };
  return {
    ok: false,
    sentence: `repo.token_file: ${secret.value.path} holds no token: there are several lines or control characters in it`,
    hint: 'write one line into it: a token, or user:password',
  };
}

function loginIn(url: string): { url: string; login: Login } | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  // A user alone may be one that a credential helper knows the password of.
  if (parsed.password === '') return undefined;
  const login = { username: unescaped(parsed.username), password: unescaped(parsed.password) };
  rememberSecret(login.password);
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.href, login };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What servers take beside a token is any user, mostly; those that want a certain one are given user:password. */
const ANY_USER = 'x-access-token';

function loginOf(text: string): Login | undefined {
  if (/\p{Cc}/u.test(text)) return undefined;
  const colon = text.indexOf(':');
  if (colon < 0) return { username: ANY_USER, password: text };
  const login = { username: text.slice(0, colon), password: text.slice(colon + 1) };
  rememberSecret(login.password);
  return login;
}

/** Answers from the environment, which only our own user sees. The words are always these: nothing is put into them. */
const HELPER =
  '!f() { test "$1" != get || printf "username=%s\\npassword=%s\\n" "$TAGWAVE_GIT_USERNAME" "$TAGWAVE_GIT_PASSWORD"; }; f';

/**
 * A helper for this server alone, in place of the user's own: no other, where we are led to perhaps, gets the password, and
 * none keeps it.
 */
function helperFor(url: string, { username, password }: Login): Record<string, string> {
  const key = `credential.${new URL(url).origin}.helper`;
  const before = Number(process.env['GIT_CONFIG_COUNT'] ?? 0) || 0;
  return {
    GIT_CONFIG_COUNT: String(before + 2),
    [`GIT_CONFIG_KEY_${before}`]: key,
    [`GIT_CONFIG_VALUE_${before}`]: '',
    [`GIT_CONFIG_KEY_${before + 1}`]: key,
    [`GIT_CONFIG_VALUE_${before + 1}`]: HELPER,
    TAGWAVE_GIT_USERNAME: username,
    TAGWAVE_GIT_PASSWORD: password,
  };
}

function bySsh(url: string, { sshKeyFile, sshKnownHostsFile }: Access): Attempt<Entrance> {
  const words = ['ssh', '-oBatchMode=yes'];
  if (sshKeyFile !== null) {
    const key = fileForSsh('repo.ssh_key_file', sshKeyFile);
    if (!key.ok) return key;
    words.push('-oIdentitiesOnly=yes', '-oIdentityAgent=none', `-oIdentityFile="${key.value}"`);
  }
  if (sshKnownHostsFile !== null) {
    const hosts = fileForSsh('repo.ssh_known_hosts_file', sshKnownHostsFile);
    if (!hosts.ok) return hosts;
    words.push(
      '-oStrictHostKeyChecking=yes',
      '-oUpdateHostKeys=no',
      '-oGlobalKnownHostsFile=/dev/null',
      `-oUserKnownHostsFile="${hosts.value}"`,
    );
  }
  return { ok: true, value: { url, env: { GIT_SSH_COMMAND: words.map(shellWord).join(' '), GIT_SSH_VARIANT: 'ssh' } } };
}

/** Ssh has its own ways with such characters, which differ from version to version. */
const TAKEN_APART_BY_SSH = /["\\$%\p{Cc}]/u;

function fileForSsh(setting: string, place: string): Attempt<string> {
  const found = secretPath({ setting, place });
  if (!found.ok) return found;
  try {
    if (TAKEN_APART_BY_SSH.test(found.value)) throw new Error('ssh takes a path with ", \\, $ or % apart');
    accessSync(found.value, constants.R_OK);
    return found;
  } catch (error) {
    return {
      ok: false,
      sentence: `${setting}: ${found.value} cannot be used: ${reasonOf(error)}`,
      hint: "make it a file that the server's user may read",
    };
  }
}

/** Git hands the command to a shell. */
function shellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
