import { createHash } from 'node:crypto';

export type SignatureKind = 'ssh' | 'gpg';

/** How a commit is signed, by what it says itself; whether that is true is another question. */
export type Signature =
  | { readonly kind: 'none' | 'several' | 'other' }
  | { readonly kind: 'gpg' }
  /** `key` as ssh-keygen shows it; null where it cannot be read. */
  | { readonly kind: 'ssh'; readonly key: string | null };

/**
 * Git checks whatever kind of signature it finds, and all that it finds one after the other: what a commit may be signed with
 * has to be looked at first.
 */
export function signatureOf(commit: Buffer): Signature {
  const end = commit.indexOf('\n\n');
  const header = commit.toString('latin1', 0, end === -1 ? commit.length : end + 1);
  const [first, ...others] = [...header.matchAll(/^gpgsig(?:-sha256)? (.*\n(?: .*\n)*)/gm)].map(
    ([, text = '']) => text,
  );
  if (first === undefined) return { kind: 'none' };
  if (others.length > 0 || first.match(/-----BEGIN /g)?.length !== 1) return { kind: 'several' };
  if (first.startsWith('-----BEGIN SSH SIGNATURE-----\n')) return { kind: 'ssh', key: sshKeyIn(first) };
  return { kind: first.startsWith('-----BEGIN PGP SIGNATURE-----\n') ? 'gpg' : 'other' };
}

/** `SSHSIG`, a version, the public key (which begins with its own type), and more; each but the first two led by its length. */
function sshKeyIn(armoured: string): string | null {
  const bytes = Buffer.from(armoured.replace(/-----[A-Z ]+-----/g, ''), 'base64');
  if (bytes.toString('latin1', 0, 6) !== 'SSHSIG' || bytes.length < 18) return null;
  const length = bytes.readUInt32BE(10);
  const key = bytes.subarray(14, 14 + length);
  if (key.length !== length || length < 4) return null;
  const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
  if (!/^[\w.@-]{1,64}$/.test(type)) return null;
  return `${type} ${fingerprintOf(key)}`;
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Who signed, or why a signature does not count, as it follows the name of a commit in a sentence. */
export type Finding =
  | { readonly ok: true; readonly signer: string }
  | { readonly ok: false; readonly why: string }
  /** What checks signatures could not: that says nothing about the commit. */
  | { readonly ok: 'unknown'; readonly why: string };

export interface Said {
  /** Git ended with success. */
  readonly ok: boolean;
  /** What git, or what it started, wrote to its standard error. */
  readonly text: string;
}

/** What `git verify-commit --raw` found out about a signature by ssh. Success counts only where both ways of telling agree. */
export function sshFinding({ ok, text }: Said, key: string | null): Finding {
  const good = /^Good "git" signature for (.+) with (\S+) key (SHA256:\S+)$/m.exec(text);
  if (ok && good !== null) return { ok: true, signer: `${good[1]} (${good[2]} key ${good[3]})` };
  const stuck = stuckAt(text, 'ssh-keygen', 'openssh-client');
  if (stuck !== undefined) return stuck;
  const whose = `is signed with the key ${key ?? 'of nobody knows whom'}`;
  const line = (pattern: RegExp) => pattern.exec(text)?.[1]?.replace(/^key /, '');
  const refusal =
    line(/^[^\n]*:\d+: (key is not permitted for use in signature namespace .*)$/m) ??
    line(/^[^\n]*:\d+: (key (?:has expired|is not yet valid).*)$/m);
  if (refusal !== undefined) return { ok: false, why: `${whose}, which does not count: it ${refusal}` };
  if (/incorrect signature|namespace does not match|invalid format|unsupported/i.test(text))
    return { ok: false, why: `${whose}, but the signature is not one of this content` };
  if (/No principal matched/.test(text))
    return { ok: false, why: `${whose}, which is not among those that are allowed` };
  return { ok: false, why: `${whose}, which could not be confirmed` };
}

/** What it found out about one by OpenPGP. Lines are `[GNUPG:] KEYWORD ARGUMENTS`. */
export function gpgFinding({ ok, text }: Said): Finding {
  const told = new Map<string, string[]>();
  for (const [, keyword = '', rest = ''] of text.matchAll(/^\[GNUPG:\] ([A-Z_]+) ?(.*)$/gm))
    told.set(keyword, [...(told.get(keyword) ?? []), rest]);
  const first = (keyword: string) => told.get(keyword)?.[0];
  const bad = OF_GPG.find(({ keyword }) => told.has(keyword));
  const [good, valid] = [told.get('GOODSIG') ?? [], told.get('VALIDSIG') ?? []];
  if (ok && bad === undefined && good.length === 1 && valid.length === 1) {
    const primary = valid[0]?.split(' ').at(-1);
    return { ok: true, signer: `${userIn(good[0])} (key ${primary})` };
  }
  const stuck = stuckAt(text, 'gpg', 'gnupg');
  if (stuck !== undefined) return stuck;
  if (bad === undefined) return { ok: false, why: 'has a signature that cannot be understood' };
  return { ok: false, why: bad.why(first(bad.keyword) ?? '') };
}

const keyIn = (line = '') => line.split(' ')[0] ?? '';
const userIn = (line = '') => line.slice(keyIn(line).length + 1) || keyIn(line);
const named = (line: string) => `${userIn(line)} (key ${keyIn(line)})`;

/** In the order in which they are told where there are several. */
const OF_GPG: readonly { readonly keyword: string; readonly why: (line: string) => string }[] = [
  { keyword: 'BADSIG', why: (line) => `has a signature by ${named(line)} that is not one of this content` },
  { keyword: 'REVKEYSIG', why: (line) => `is signed by ${named(line)}, a key that was revoked` },
  { keyword: 'EXPKEYSIG', why: (line) => `is signed by ${named(line)}, a key that has expired` },
  { keyword: 'EXPSIG', why: (line) => `is signed by ${named(line)}, and the signature has expired` },
  {
    keyword: 'NO_PUBKEY',
    why: (line) => `is signed with the key ${keyIn(line)}, which is not among those that are allowed`,
  },
  { keyword: 'ERRSIG', why: (line) => `has a signature with the key ${keyIn(line)} that cannot be checked` },
];

function stuckAt(text: string, program: string, debian: string): Finding | undefined {
  if (new RegExp(`cannot (?:run|exec) '?${program}|-Y find-principals/verify is needed`).test(text))
    return { ok: 'unknown', why: `the command '${program}' is missing or too old (package ${debian})` };
  const trouble =
    /^(?:fatal|error): (.*)$/m.exec(text)?.[1] ?? /^(Unable to open allowed keys file .*)$/m.exec(text)?.[1];
  return trouble === undefined ? undefined : { ok: 'unknown', why: trouble };
}
