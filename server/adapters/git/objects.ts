import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { execa } from 'execa';
import { type ObjectId, parseRelativePath } from '../../../protocol/names.ts';
import type { Repository, TreeEntry } from '../../ports/repository.ts';

/** Where a repository's objects are. `env` is the whole environment of git's processes; without it, ours less `GIT_…`. */
export interface ObjectStore {
  readonly gitDir: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** One line of a tree, before it is known whether a view can hold it. */
export interface Listed {
  /** As git stores it: any bytes but NUL. */
  readonly path: Buffer;
  /** `160000` is a submodule. */
  readonly mode: '100644' | '100755' | '120000' | '160000';
  readonly object: ObjectId;
}

/** What the fleet never gets: they steer the release and are read from the repository itself. */
const NOT_CONTENT: ReadonlySet<string> = new Set(['deploy.yml', 'tagstate']);

/** Everything below a tree, in byte order of path. Throws where the tree, or one below it, cannot be read. */
export async function* listing(store: ObjectStore, tree: ObjectId): AsyncGenerator<Listed> {
  const child = git(store, ['ls-tree', '-r', '-z', '--full-tree', tree]);
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of impatiently(child)) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0, start)) {
        yield parseListed(rest.subarray(start, end));
        start = end + 1;
      }
      rest = rest.subarray(start);
    }
    const failure = await failureOf(child);
    if (failure !== undefined) throw new Error(`the tree ${tree} cannot be read: ${failure}. ${CHECK_OBJECTS}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/**
 * The blobs of a tree in UTF-8 byte order of path, less `deploy.yml` and `tagstate` at the root, and less submodules.
 * Throws for a path that no view can hold.
 */
export async function entries(store: ObjectStore, tree: ObjectId): Promise<TreeEntry[]> {
  const found: TreeEntry[] = [];
  for await (const { path, mode, object } of listing(store, tree)) {
    if (mode === '160000') continue;
    const relative = relativePathOf(path);
    if (relative === undefined)
      throw new Error(
        `the tree ${tree} has a path that cannot be released: ${JSON.stringify(path.toString('latin1'))}`,
      );
    if (!NOT_CONTENT.has(relative)) found.push({ path: relative, mode, blob: object });
  }
  return found;
}

/** A listed path as text; undefined where it is not UTF-8, absolute, or has empty, `.` or `..` segments. */
export function relativePathOf(path: Buffer): TreeEntry['path'] | undefined {
  const text = path.toString('utf8');
  return Buffer.from(text).equals(path) ? parseRelativePath(text) : undefined;
}

/**
 * Raw contents in the order asked, streamed: what the consumer leaves of one is skipped, and stopping early ends git.
 * Throws for an object that is missing, no blob, or unreadable; a content that breaks off fails with the same error.
 */
export async function* blobs(store: ObjectStore, ids: Iterable<ObjectId>): ReturnType<Repository['blobs']> {
  // Above this size git streams a blob instead of holding it in memory.
  const child = git(store, ['-c', 'core.bigFileThreshold=8m', 'cat-file', '--batch', '--buffer'], requestLines(ids));
  const output = cursorOver(impatiently(child));
  const broken = async (what: string) => {
    const failure = (await failureOf(child)) ?? 'git ended too early';
    return new Error(`${what} cannot be read: ${failure}. ${CHECK_OBJECTS}`);
  };
  let current: Readable | undefined;
  try {
    for (;;) {
      const header = await output.line();
      if (header === undefined) break;
      const { blob, size } = parseHeader(header);
      current = output.content(size, () => broken(`the object ${blob}`));
      yield { blob, size, content: current };
      if (!current.closed) await dropped(current);
      await output.skipRest(() => broken(`the object ${blob}`));
    }
    const failure = await failureOf(child);
    if (failure !== undefined) throw new Error(`objects cannot be read: ${failure}. ${CHECK_OBJECTS}`);
  } finally {
    child.kill('SIGKILL');
    if (current && !current.closed) await dropped(current);
    await output.close();
  }
}

/** What to do about an object that cannot be read. */
export const CHECK_OBJECTS =
  "Look at the repository with 'git fsck'; a lost object comes back with a fresh copy of the repository.";

/** Waits until nothing more is read on behalf of a content that its consumer left. */
async function dropped(content: Readable): Promise<void> {
  content.destroy();
  await finished(content).catch(() => undefined);
}

/** A consumer that has turned away must not end the process by an error that nobody hears. */
function withoutUproar(content: Readable): Readable {
  return content.on('error', () => undefined);
}

/** Far cheaper than `Readable.from`, and most contents are small. */
function wholeAtOnce(bytes: Buffer): Readable {
  const content = new Readable({ read: () => undefined });
  content.push(bytes);
  content.push(null);
  return content;
}

type Child = ReturnType<typeof git>;

/** A disk that does not answer for so long is given up. Who takes their time over what they were given is not meant. */
const SILENT_MS = 120_000;

/** What git says, which ends where it stands still. */
async function* impatiently(child: Child): AsyncGenerator<Buffer> {
  const pieces: AsyncIterator<Buffer> = child.stdout[Symbol.asyncIterator]();
  try {
    for (;;) {
      const patience = setTimeout(() => child.kill('SIGKILL'), SILENT_MS);
      const next = await pieces.next().finally(() => clearTimeout(patience));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await pieces.return?.();
  }
}

function git({ gitDir, env }: ObjectStore, args: readonly string[], input: Iterable<string> = []) {
  return execa('git', [`--git-dir=${gitDir}`, '--no-replace-objects', '--literal-pathspecs', ...args], {
    env: { ...(env ?? environmentWithoutGit()), LC_ALL: 'C' },
    extendEnv: false,
    input: Readable.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    reject: false,
  });
}

/** Git's hooks export variables that would lead a git started from one to another repository. */
function environmentWithoutGit(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
}

/** Why a child failed, in git's own words; undefined where it did not. */
async function failureOf(child: Child): Promise<string | undefined> {
  const result = await child;
  if (!result.failed) return undefined;
  const stderr = Buffer.from(result.stderr).toString('utf8').trim().split('\n').at(-1);
  return stderr || result.shortMessage;
}

function parseListed(line: Buffer): Listed {
  const tab = line.indexOf(9);
  const [mode = '', , object = ''] = line.toString('latin1', 0, tab).split(' ');
  return { path: Buffer.from(line.subarray(tab + 1)), mode: modeOf(mode), object: object as ObjectId };
}

/** Old trees have modes such as 100664: of a regular file only the owner's execute bit counts, as in git itself. */
function modeOf(mode: string): Listed['mode'] {
  if (mode === '120000' || mode === '160000') return mode;
  return (Number.parseInt(mode, 8) & 0o100) === 0 ? '100644' : '100755';
}

/** Many small writes would each wake git up. */
function* requestLines(ids: Iterable<ObjectId>): Generator<string> {
  let lines: string[] = [];
  for (const id of ids) {
    lines.push(`${id}\n`);
    if (lines.length === 500) {
      yield lines.join('');
      lines = [];
    }
  }
  if (lines.length > 0) yield lines.join('');
}

function parseHeader(header: string): { blob: ObjectId; size: number } {
  const [blob = '', type = '', size = ''] = header.split(' ');
  if (type === 'blob') return { blob: blob as ObjectId, size: Number(size) };
  const why = type === 'missing' ? 'is missing from the repository, or damaged' : `is no file's content but a ${type}`;
  throw new Error(`the object ${blob} ${why}. ${CHECK_OBJECTS}`);
}

/** Reads `cat-file --batch`: a header line, so many bytes of content, LF, and so on. */
function cursorOver(chunks: AsyncGenerator<Buffer>) {
  let held: Buffer = Buffer.alloc(0);
  /** Bytes of the current content, and its LF, that nobody has taken yet. */
  let owed = 0;

  async function more(): Promise<boolean> {
    const next = await chunks.next();
    if (next.done) return false;
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
    return true;
  }

  function take(count: number): Buffer {
    const taken = held.subarray(0, count);
    held = held.subarray(taken.length);
    return taken;
  }

  async function* pieces(cutOff: () => Promise<Error>): AsyncGenerator<Buffer> {
    while (owed > 1) {
      if (held.length === 0 && !(await more())) throw await cutOff();
      const piece = take(owed - 1);
      owed -= piece.length;
      yield piece;
    }
  }

  return {
    /** The next line, less its LF; undefined at the end. */
    async line(): Promise<string | undefined> {
      let end = held.indexOf(10);
      while (end === -1) {
        if (!(await more())) return undefined;
        end = held.indexOf(10);
      }
      return take(end + 1).toString('latin1', 0, end);
    },
    content(size: number, cutOff: () => Promise<Error>): Readable {
      owed = size + 1;
      if (held.length < size) return withoutUproar(Readable.from(pieces(cutOff), { objectMode: false }));
      owed = 1;
      return wholeAtOnce(take(size));
    },
    async skipRest(cutOff: () => Promise<Error>): Promise<void> {
      while (owed > 0) {
        if (held.length === 0 && !(await more())) throw await cutOff();
        owed -= take(owed).length;
      }
    },
    async close(): Promise<void> {
      await chunks.return(undefined);
    },
  };
}
