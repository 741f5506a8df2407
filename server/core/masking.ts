const MASK = '***';
/**
 * What a URL has before its host, where it may be secret: whatever has a colon, up to the last `@`, since passwords hold
 * anything when somebody forgot to escape them; with HTTP also a mere user, which may be a token. `ssh://git@host` stays.
 */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s@/]*:\S*|(?<=https?:\/\/)[^\s/?#@]+)@/gi;
const HEADER = /\b((?:proxy-)?authorization\s*:\s*(?:basic|bearer)\s+)\S+/gi;
const TOKEN = /\b(tw[najs]_)[A-Za-z0-9_-]{43}/g;

/**
 * A text as it may be shown, logged and kept: without what URLs carry before their host, without tokens of ours, and without
 * the secrets that are handed in. The one place where that is decided.
 */
export function withoutSecrets(text: string, known: Iterable<string> = []): string {
  let shown = text;
  for (const secret of known) if (shown.includes(secret)) shown = shown.replaceAll(secret, MASK);
  if (shown.includes('://')) shown = shown.replace(USER_INFO, `$1${MASK}@`);
  return shown.replace(HEADER, `$1${MASK}`).replace(TOKEN, `$1${MASK}`);
}
