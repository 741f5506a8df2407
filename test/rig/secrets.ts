import { appendFileSync, closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Stands in the vars of templates: what hosts get may say it, and nothing else. */
export const TEMPLATE_SECRET = 'sesame-of-templates-5f0c';

export type Kind = 'token' | 'key' | 'template';

const PATTERNS: Readonly<Record<Kind, { readonly words: readonly string[]; readonly whole: RegExp }>> = {
  // Not what is all the same letter: tests show that where a token is asked for that never was.
  token: {
    words: ['twn_', 'twa_', 'twj_', 'tws_'],
    whole: /\btw[najs]_(?!(.)\1{42})[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/,
  },
  key: { words: ['PRIVATE KEY'], whole: /-----BEGIN [A-Z ]*PRIVATE KEY/ },
  template: { words: [TEMPLATE_SECRET], whole: new RegExp(TEMPLATE_SECRET) },
};
const KINDS = Object.keys(PATTERNS) as Kind[];

/** Files that are there to hold a secret, by their path below a directory that tests make. */
export const MEANT: readonly { readonly path: RegExp; readonly kinds: readonly Kind[]; readonly why: string }[] = [
  {
    path: /(^|\/)([a-z0-9.-]*[.-])?token(s|\.next|\.new|\.old)?$/,
    kinds: ['token'],
    why: 'a host or person keeps its token there',
  },
  {
    path: /(^|\/)([a-z0-9.-]*[.-])?key(\.pem)?(\.new)?$|\.key$/,
    kinds: ['key'],
    why: 'the key of a certificate or signer',
  },
  { path: /(^|\/)(open|other)\.pem$/, kinds: ['key'], why: 'a key that a client refuses, for its mode or its pair' },
  { path: /(^|\/)allowed_signers$/, kinds: ['key'], why: 'what somebody gave by mistake, which is refused' },
  {
    path: /(^|\/)(config|work|source)\/(?!var\/)/,
    kinds: ['template'],
    why: 'the working copy that people commit from',
  },
  {
    path: /(^|\/)views\/[0-9a-f]{64}\//,
    kinds: ['template'],
    why: 'the content of a view, for the hosts that have it',
  },
  { path: /(^|\/)releases\//, kinds: ['template'], why: 'the content of a view, on the host that has it' },
  { path: /(^|\/)(repository\.git|\.git)\//, kinds: ['template'], why: 'what was committed' },
];

export interface Finding {
  /** Of the test file, as far as it is known. */
  readonly test: string;
  /** What said it: a path, or words such as `the body of a 403`. */
  readonly place: string;
  readonly kind: Kind;
}

let found: Finding[] = [];

/** What was found since this was last asked. */
export function takeFindings(): readonly Finding[] {
  const all = found;
  found = [];
  return all;
}

/** Notes what somebody said that they must not say. */
export function searchText(place: string, text: string | Buffer, but: readonly Kind[] = []): void {
  for (const kind of kindsIn(text)) if (!but.includes(kind)) note(place, kind);
}

/** Removes a directory after a look through every file in it. */
export function discard(directory: string): void {
  searchDirectory(directory);
  // What a server that was stopped still notes down may come in between.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
}

export function searchDirectory(directory: string): void {
  for (const path of filesBelow(directory)) {
    const name = relative(directory, path);
    for (const kind of kindsInFile(path)) if (!isMeant(name, kind)) note(name, kind);
  }
}

export function isMeant(name: string, kind: Kind): boolean {
  return MEANT.some(({ path, kinds }) => kinds.includes(kind) && path.test(name));
}

function note(place: string, kind: Kind): void {
  const finding = { test: process.env['TAGWAVE_TEST_FILE'] ?? '', place, kind };
  found.push(finding);
  const kept = process.env['TAGWAVE_TEST_FINDINGS'];
  if (kept !== undefined) appendFileSync(kept, `${JSON.stringify(finding)}\n`);
}

function kindsIn(text: string | Buffer): Kind[] {
  return KINDS.filter((kind) => {
    const { words, whole } = PATTERNS[kind];
    return words.some((word) => text.includes(word)) && whole.test(text.toString('latin1'));
  });
}

/** What is packed cannot be searched, and holds what is searched beside it: objects of git, and archives. */
const PACKED = /\.git\/objects\/|\.(gz|pack|idx)$/;

function* filesBelow(directory: string): Generator<string> {
  for (const entry of entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && !PACKED.test(path)) yield path;
  }
}

/** None where a test has taken away the right to look, or the directory. */
function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

const PIECE = 1024 * 1024;
/** As long as the longest that is searched for. */
const OVERLAP = 128;
let room: Buffer | undefined;

/** Of a file of any size, piece by piece. */
function kindsInFile(path: string): ReadonlySet<Kind> {
  const kinds = new Set<Kind>();
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return kinds;
  }
  room ??= Buffer.alloc(PIECE);
  try {
    for (let kept = 0; ; ) {
      const read = readSync(file, room, kept, PIECE - kept, null);
      const filled = room.subarray(0, kept + read);
      for (const kind of kindsIn(filled)) kinds.add(kind);
      if (read === 0) return kinds;
      kept = Math.min(OVERLAP, filled.length);
      filled.copy(room, 0, filled.length - kept);
    }
  } finally {
    closeSync(file);
  }
}
