import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { type SimpleGit, simpleGit } from 'simple-git';
import { GitFailed } from './git-failed.ts';
import { type ObjectReader, openObjectReader } from './reader.ts';

/** How to reach the private repository: `objects` for what is in it, `read` for other questions answered in text, `plumb` for the rest. */
export interface Git {
  readonly gitDir: string;
  /** The whole environment of git's processes: nothing of the user's configuration reaches them. */
  readonly env: Readonly<Record<string, string>>;
  readonly objects: ObjectReader;
  /** Asks a question: standard output as text. Rejects with `GitFailed`. Changes nothing. */
  read(args: readonly string[]): Promise<string>;
  /** Runs a command that needs standard input, raw bytes, standard error, or the lock. Rejects with `GitFailed`. */
  plumb(args: readonly string[], options?: PlumbOptions): Promise<Output>;
}

export interface PlumbOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A descriptor that git inherits, so that a lock stands until git has ended even where we were killed. */
  readonly inherit?: number;
  /** Git goes last in the queues for the processor and the disk. */
  readonly background?: boolean;
  /** After so long git and whatever it started are ended. */
  readonly seconds?: number;
  /** Git is ended when it has said so much, and what it said until then is the answer. */
  readonly enoughBytes?: number;
  /** Paths of any bytes, which come after all arguments: no string of ours can hold them. */
  readonly paths?: readonly Uint8Array[];
}

export interface Output {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** It said more than enough. */
  readonly isCut: boolean;
}

/** An output of a million paths is larger than what is allowed otherwise. */
const OUTPUT_LIMIT_BYTES = 2 ** 30;
/** Longer than the largest directory takes to be read from the slowest disk: only what would never end is ended. */
const LIMIT_SECONDS = 3600;
/** Nobody waits for git to do its housekeeping. */
const BACKGROUND_SECONDS = 12 * 3600;
/** A question is answered in milliseconds; who is silent for so long stands still. */
const SILENT_MS = 300_000;
const KILL_AFTER_SECONDS = 2;
/** How `timeout` says that it has ended a command: asked it to end, or killed it. */
const TIMED_OUT: ReadonlySet<number | undefined> = new Set([124, 137]);
const KEPT = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH'] as const;

/** Who makes commits, tags and reflog entries in the private repository. */
export const IDENTITY = { name: 'Tagwave', email: `tagwave@${hostname()}` } as const;

export function openGit(gitDir: string): Git {
  const env = plumbingEnvironment(gitDir);
  let reader: SimpleGit | undefined;
  return {
    gitDir,
    env,
    objects: openObjectReader(gitDir, env),
    async read(args) {
      // simple-git refuses a directory that does not exist yet.
      reader ??= readerOf(gitDir, env);
      return reader.raw([...args]);
    },
    plumb: (args, options = {}) => plumb(args, { ...options, env: { ...env, ...options.env } }),
  };
}

/** What local commands see: no user's or system's configuration, no ambient `GIT_…` variable, English messages. */
function plumbingEnvironment(gitDir: string): Record<string, string> {
  const kept = KEPT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    GIT_DIR: gitDir,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_AUTHOR_NAME: IDENTITY.name,
    GIT_AUTHOR_EMAIL: IDENTITY.email,
    GIT_COMMITTER_NAME: IDENTITY.name,
    GIT_COMMITTER_EMAIL: IDENTITY.email,
  };
}

/**
 * simple-git takes a failure without a message for success, passes `GIT_…` variables on only by name, and counts
 * `GIT_CONFIG_GLOBAL` as unsafe wherever it comes from; here it comes from us.
 */
function readerOf(gitDir: string, env: Record<string, string>): SimpleGit {
  return simpleGit({
    baseDir: gitDir,
    maxConcurrentProcesses: 8,
    completion: { onClose: true, onExit: false },
    timeout: { block: SILENT_MS },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith('GIT_')),
    unsafe: { allowUnsafeConfigPaths: true },
    errors(error, { exitCode, stdOut, stdErr }) {
      if (exitCode === 0 || error instanceof Error) return error;
      const [stdout, stderr] = [Buffer.concat(stdOut).toString(), Buffer.concat(stdErr).toString()];
      return new GitFailed({ args: [`--git-dir=${gitDir}`], end: `exit code ${exitCode}`, stdout, stderr });
    },
  }).env(env);
}

async function plumb(args: readonly string[], options: PlumbOptions): Promise<Output> {
  const { env = {}, cwd, inherit, background = false, paths, enoughBytes } = options;
  const input = paths === undefined ? (options.input ?? '') : terminated(paths);
  const { seconds = background ? BACKGROUND_SECONDS : LIMIT_SECONDS } = options;
  // It ends the whole process group, and still does so where we are killed meanwhile.
  const limited = [
    'timeout',
    `--kill-after=${KILL_AFTER_SECONDS}`,
    String(seconds),
    ...(paths === undefined ? [] : FROM_INPUT),
    'git',
    ...args,
  ] as const;
  const [program, ...words] = background ? patiently(limited) : limited;
  // execa's types know descriptors below 10 only; any is passed on.
  const result = await execa(program, words, {
    env,
    extendEnv: false,
    ...(cwd === undefined ? {} : { cwd }),
    input,
    stdio: inherit === undefined ? ['pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe', inherit as 3],
    encoding: 'buffer',
    maxBuffer: enoughBytes ?? OUTPUT_LIMIT_BYTES,
    stripFinalNewline: false,
    reject: false,
  });
  const stdout = Buffer.from(result.stdout);
  const stderr = Buffer.from(result.stderr).toString();
  const isCut = enoughBytes !== undefined && result.isMaxBuffer && stdout.length >= enoughBytes;
  if (!result.failed || isCut) return { stdout, stderr, isCut };
  const isLate = TIMED_OUT.has(result.exitCode) && result.durationMs >= seconds * 1000;
  const end = isLate ? 'stopped because it takes too long' : endOf(result);
  throw new GitFailed({
    args,
    end: `${end} after ${Math.round(result.durationMs)} ms`,
    stdout: stdout.toString('utf8', 0, 500),
    stderr,
    isLate,
  });
}

/** Arguments go to a process as text here; `xargs` takes them as bytes. */
const FROM_INPUT = ['xargs', '--null'] as const;

function terminated(paths: readonly Uint8Array[]): Buffer {
  return Buffer.concat(paths.flatMap((path) => [path, Buffer.of(0)]));
}

interface Ended {
  readonly originalMessage?: string | undefined;
  readonly signal?: string | undefined;
  readonly exitCode?: number | undefined;
}

function endOf({ originalMessage, signal, exitCode }: Ended): string {
  return originalMessage ?? (signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`);
}

/** `ionice` is not everywhere that `nice` is. */
function patiently(command: readonly string[]): readonly [string, ...string[]] {
  const places = (process.env['PATH'] ?? '').split(delimiter);
  const ionice = places.some((place) => existsSync(join(place, 'ionice')))
    ? ['ionice', '--class', 'idle', '--ignore']
    : [];
  return ['nice', '-n', '19', ...ionice, ...command];
}
