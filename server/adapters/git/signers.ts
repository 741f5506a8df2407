import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import type { Attempt } from '../../ports/common.ts';
import { reasonOf } from '../files/failure.ts';
import type { SignatureKind } from './signature.ts';
import { talk } from './transport.ts';

export interface SignaturePolicy {
  readonly kind: SignatureKind;
  /** A file outside the repository: lines of git's allowed signers, or OpenPGP keys. */
  readonly allowedSigners: string;
}

/** Who may sign, as the file said when it was read: a copy that nobody else writes, so that what is checked is what was read. */
export interface Signers {
  /** Changes with the file's content. */
  readonly edition: string;
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface SignersPlace {
  readonly stateDir: string;
  /** The working copy that the configuration comes from: whoever commits there must not say who may. Null: elsewhere. */
  readonly source: string | null;
  readonly env: Readonly<Record<string, string>>;
}

const LIMIT_BYTES = 1024 * 1024;
const IMPORT_SECONDS = 10;
const HINT = 'Put it right (repo.allowed_signers); no new tag is made until then, and tags already made keep running.';

/** Reads the file of those who may sign, and makes of it what git needs to check signatures by nothing else. */
export async function readSigners(policy: SignaturePolicy, place: SignersPlace): Promise<Attempt<Signers>> {
  const { kind, allowedSigners: path } = policy;
  const unusable = (why: string): Attempt<never> => ({ ok: false, sentence: `${path} ${why}`, hint: HINT });
  try {
    const flaw = flawOf(path, place);
    if (flaw !== null) return unusable(flaw);
    const content = readFileSync(path);
    const edition = `${kind}-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
    const directory = join(place.stateDir, 'signers', edition);
    if (!existsSync(directory)) {
      const made = await publishCopy(directory, (draft) => fill(kind, { draft, content, env: place.env }));
      if (made !== null) return unusable(made);
    }
    return { ok: true, value: { edition, ...wayTo(kind, directory) } };
  } catch (error) {
    return unusable(`cannot be used: ${reasonOf(error)}`);
  }
}

/** What is wrong with the file at first sight, as a sentence, or null. Writes nothing and starts nothing. */
export function signersTrouble({ kind, allowedSigners: path }: SignaturePolicy, source: string | null): string | null {
  try {
    const flaw = flawOf(path, { source }) ?? flawOfContent(kind, readFileSync(path));
    return flaw === null ? null : `${path} ${flaw}`;
  } catch (error) {
    return `${path} cannot be used: ${reasonOf(error)}`;
  }
}

function flawOfContent(kind: SignatureKind, content: Buffer): string | null {
  const text = content.toString('latin1');
  if (kind === 'ssh') return /^[^#\s].*\s[\w.@-]*(ssh|ecdsa|sk)-/m.test(text) ? null : NO_KEY.ssh;
  if (text.includes('-----BEGIN PGP PRIVATE KEY')) return SECRET_KEY;
  // A file without armour begins with a byte whose highest bit is set.
  return text.includes('-----BEGIN PGP PUBLIC KEY') || (content[0] ?? 0) >= 0x80 ? null : NO_KEY.gpg;
}

function flawOf(path: string, { source }: Pick<SignersPlace, 'source'>): string | null {
  const real = realpathSync(path);
  const stats = statSync(real);
  if (!stats.isFile()) return 'is no file';
  if (stats.size > LIMIT_BYTES) return `is larger than ${LIMIT_BYTES} bytes`;
  if (source !== null && existsSync(source) && `${real}${sep}`.startsWith(`${realpathSync(source)}${sep}`))
    return `lies in ${source}: whoever commits there could say who may sign`;
  return null;
}

/** The program for the other kind is none, since git would ask it for any commit that is signed that way. */
function wayTo(kind: SignatureKind, directory: string): Pick<Signers, 'options' | 'env'> {
  const none = '/bin/false';
  const programs = kind === 'ssh' ? { ssh: 'ssh-keygen', openpgp: none } : { ssh: none, openpgp: 'gpg' };
  const options = {
    'gpg.format': kind === 'ssh' ? 'ssh' : 'openpgp',
    'gpg.program': programs.openpgp,
    'gpg.openpgp.program': programs.openpgp,
    'gpg.x509.program': none,
    'gpg.ssh.program': programs.ssh,
    'gpg.ssh.allowedSignersFile': kind === 'ssh' ? join(directory, ALLOWED) : '/dev/null',
    'gpg.ssh.revocationFile': '',
    // Of keys, that of a principal that the file names; of OpenPGP there are no others.
    'gpg.minTrustLevel': kind === 'ssh' ? 'fully' : 'undefined',
  };
  const words = Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return { options: words, env: { GNUPGHOME: directory } };
}

const ALLOWED = 'allowed_signers';

/** Nothing is asked on a network, no agent is started, and whoever is in the file is trusted: that is what it is for. */
const GPG_CONF = [
  ...['batch', 'no-tty', 'no-greeting', 'no-autostart', 'disable-dirmngr', 'lock-never'],
  ...['no-auto-key-retrieve', 'no-auto-key-locate', 'no-auto-check-trustdb', 'trust-model always'],
  '',
].join('\n');

interface Filling {
  readonly draft: string;
  readonly content: Buffer;
  readonly env: Readonly<Record<string, string>>;
}

/** Answers why it cannot be done. */
async function fill(kind: SignatureKind, { draft, content, env }: Filling): Promise<string | null> {
  const file = join(draft, kind === 'ssh' ? ALLOWED : 'keys');
  writeFileSync(file, content, { mode: 0o600 });
  const flaw = flawOfContent(kind, content);
  if (flaw !== null || kind === 'ssh') return flaw;
  writeFileSync(join(draft, 'gpg.conf'), GPG_CONF, { mode: 0o600 });
  const command = ['gpg', '--status-fd', '1', '--import', file];
  const result = await talk(command, { seconds: IMPORT_SECONDS, env: { ...env, GNUPGHOME: draft } });
  rmSync(file);
  if (result.end === 'exit code 127') return "cannot be read: the command 'gpg' is not installed (package gnupg)";
  const counts = /^\[GNUPG:\] IMPORT_RES ([\d ]+)$/m.exec(result.stdout)?.[1]?.split(' ').map(Number) ?? [];
  const [read = 0] = counts;
  if ((counts[SECRET_KEYS] ?? 0) > 0) return SECRET_KEY;
  return read > 0 && existsSync(join(draft, 'pubring.kbx')) ? null : NO_KEY.gpg;
}

/** Where gpg says how many secret keys it has read. */
const SECRET_KEYS = 9;
const SECRET_KEY = 'holds a secret key: export the public ones only, and keep that one safe';
const NO_KEY = {
  ssh: 'holds no line of allowed signers, such as: alice@example.com ssh-ed25519 AAAA…',
  gpg: "holds no public key: make it with 'gpg --export --armor ADDRESS…'",
};

/** Makes a directory whole or not at all, whoever else makes the same; answers why it cannot be made. */
async function publishCopy(directory: string, make: (draft: string) => Promise<string | null>): Promise<string | null> {
  const parent = join(directory, '..');
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const draft = join(parent, `.${randomBytes(6).toString('hex')}`);
  mkdirSync(draft, { mode: 0o700 });
  try {
    const flaw = await make(draft);
    if (flaw !== null) return flaw;
    if (!existsSync(directory)) renameSync(draft, directory);
    clearOld(parent, directory);
    return null;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const OLD_MS = 24 * 3_600_000;

/** What was made of earlier editions; another process may be at work with one that is not a day old. */
function clearOld(parent: string, current: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (path === current || Date.now() - statSync(path).mtimeMs < OLD_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}
