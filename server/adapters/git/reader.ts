import { statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { type ObjectId, parseObjectId } from '../../../protocol/names.ts';
import { errorCode } from '../files/failure.ts';
import { GitFailed } from './git-failed.ts';

/** An object's kind and size. */
export interface ObjectInfo {
  readonly object: ObjectId;
  readonly type: string;
  readonly size: number;
}

export interface StoredObject extends ObjectInfo {
  readonly content: Buffer;
}

/**
 * Looks objects up by name: an id, a ref, or either followed by `^{commit}` and the like. Answers come in the order asked,
 * undefined for what is not there. Rejects with `GitFailed` where git cannot read an object or the repository.
 */
export interface ObjectReader {
  info(names: readonly string[]): Promise<(ObjectInfo | undefined)[]>;
  /** With their contents, which are held in memory. */
  contents(names: readonly string[]): Promise<(StoredObject | undefined)[]>;
}

/** A git that owes an answer and says nothing for so long stands still: another one is asked, once. */
const SILENT_MS = 120_000;
/** Starting git takes far longer than an answer; one that stays for ever would keep packs on the disk that are gone. */
const IDLE_MS = 10_000;

interface Question {
  readonly verb: 'info' | 'contents';
  readonly names: readonly string[];
  readonly answers: (StoredObject | undefined)[];
  /** How many gits died of it: once another's question may have been at fault, but not twice. */
  deaths: number;
  resolve(answers: (StoredObject | undefined)[]): void;
  reject(error: unknown): void;
}

/**
 * One `git cat-file` for all questions, started by the first. It ends when nobody asked for a while, when we end, and when
 * the repository is another one; where it dies, the questions that are open are asked again of a new one.
 */
export function openObjectReader(
  gitDir: string,
  env: Readonly<Record<string, string>>,
  { idleMs = IDLE_MS, silentMs = SILENT_MS }: { readonly idleMs?: number; readonly silentMs?: number } = {},
): ObjectReader {
  const open: Question[] = [];
  let current: { readonly session: Session; readonly repository: string } | undefined;

  /** A new session, which is asked everything that is open. */
  const begin = (): void => {
    const repository = identityOf(gitDir);
    const session = startSession(env, {
      idleMs,
      silentMs,
      heard(bytes) {
        if (current?.session !== session) return { rest: NOTHING, idle: false };
        return { rest: answerFrom(bytes, open), idle: open.length === 0 };
      },
      idle() {
        if (current?.session !== session || open.length > 0) return;
        current = undefined;
        session.end();
      },
      died(why) {
        if (current?.session !== session) return;
        current = undefined;
        blameFirst(open, why);
        if (open.length > 0) begin();
      },
    });
    current = { session, repository };
    for (const question of open) {
      question.answers.length = 0;
      session.ask(question);
    }
  };

  const ask = (verb: Question['verb'], names: readonly string[]): Promise<(StoredObject | undefined)[]> => {
    if (names.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const question: Question = { verb, names, answers: [], deaths: 0, resolve, reject };
      open.push(question);
      if (current?.repository === identityOf(gitDir)) return current.session.ask(question);
      current?.session.end();
      begin();
    });
  };
  return { info: (names) => ask('info', names), contents: (names) => ask('contents', names) };
}

function blameFirst(open: Question[], why: GitFailed): void {
  const first = open[0];
  if (first === undefined || ++first.deaths < 2) return;
  open.shift();
  first.reject(why);
}

/** Another directory under the same name, or one that names objects otherwise, is another repository. */
function identityOf(gitDir: string): string {
  return [gitDir, join(gitDir, 'config')].map(lookAt).join(' ');
}

/** Why something cannot be looked at is for git to say. */
function lookAt(path: string): string {
  try {
    const { dev, ino, birthtimeMs } = statSync(path);
    return `${dev}:${ino}:${birthtimeMs}`;
  } catch (error) {
    return errorCode(error);
  }
}

const NOTHING = Buffer.alloc(0);

/** Gives the open questions what the bytes answer, and hands back the bytes that are not a whole answer yet. */
function answerFrom(bytes: Buffer, open: Question[]): Buffer {
  let rest = bytes;
  for (let question = open[0]; question !== undefined; question = open[0]) {
    const answer = parseAnswer(rest, question.verb);
    if (answer === undefined) break;
    rest = rest.subarray(answer.length);
    question.answers.push(answer.found);
    if (question.answers.length < question.names.length) continue;
    open.shift();
    question.resolve(question.answers);
  }
  return rest;
}

/** `<id> <type> <size>`, the content where it was asked for, LF; or a line that says why there is none. */
function parseAnswer(bytes: Buffer, verb: Question['verb']): { length: number; found?: StoredObject } | undefined {
  const end = bytes.indexOf(10);
  if (end === -1) return undefined;
  const [name = '', type = '', digits] = bytes.toString('latin1', 0, end).split(' ');
  const object = parseObjectId(name);
  if (object === undefined || digits === undefined) return { length: end + 1 };
  const size = Number(digits);
  if (verb === 'info') return { length: end + 1, found: { object, type, size, content: NOTHING } };
  const length = end + 1 + size + 1;
  if (bytes.length < length) return undefined;
  return { length, found: { object, type, size, content: bytes.subarray(end + 1, length - 1) } };
}

interface Session {
  ask(question: Question): void;
  end(): void;
}

interface Hearer {
  /** Answers the bytes that are to be heard again with those that follow, and whether nobody waits for more. */
  heard(bytes: Buffer): { readonly rest: Buffer; readonly idle: boolean };
  readonly idleMs: number;
  readonly silentMs: number;
  /** Nobody has asked for so long. */
  idle(): void;
  died(why: GitFailed): void;
}

const COMMAND = ['cat-file', '--batch-command', '--buffer'] as const;

function startSession(env: Readonly<Record<string, string>>, hearer: Hearer): Session {
  const child = execa('git', COMMAND, {
    env,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    reject: false,
  });
  const handles = [child, child.stdin, child.stdout, child.stderr];
  let pieces: Buffer[] = [];
  let patience: NodeJS.Timeout | undefined;

  // Where git has died, its end says so.
  child.stdin.on('error', () => undefined);
  const waitForMore = (): void => {
    clearTimeout(patience);
    patience = setTimeout(() => child.kill('SIGKILL'), hearer.silentMs).unref();
  };
  child.stdout.on('data', (piece: Buffer) => {
    pieces.push(piece);
    const { rest, idle } = hearer.heard(pieces.length === 1 ? piece : Buffer.concat(pieces));
    pieces = rest.length === 0 ? [] : [rest];
    if (!idle) return waitForMore();
    clearTimeout(patience);
    for (const handle of handles) keepsUsAlive(handle, false);
    patience = setTimeout(hearer.idle, hearer.idleMs).unref();
  });
  void child.then((result) => {
    clearTimeout(patience);
    const stderr = Buffer.from(result.stderr).toString();
    const end = result.originalMessage ?? result.signal ?? `exit code ${result.exitCode}`;
    hearer.died(new GitFailed({ args: COMMAND, end: `${end}`, stdout: '', stderr }));
  });
  return {
    ask({ verb, names }) {
      waitForMore();
      for (const handle of handles) keepsUsAlive(handle, true);
      child.stdin.write(`${names.map((name) => `${verb} ${name}\n`).join('')}flush\n`);
    },
    end: () => child.stdin.end(),
  };
}

/** A question keeps this process alive; a git that waits for one doesn't. Pipes are sockets, whatever their type says. */
function keepsUsAlive(handle: object, wanted: boolean): void {
  const switched: unknown = Reflect.get(handle, wanted ? 'ref' : 'unref');
  if (typeof switched === 'function') Reflect.apply(switched, handle, []);
}
