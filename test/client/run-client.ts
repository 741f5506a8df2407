import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { runCommand } from '../../client/run-command.ts';
import { bundleClient } from '../rig/client-bundle.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The node binary; default: the one that runs the tests. */
  readonly node?: string;
  readonly cwd?: string;
  /** Gives it a terminal for all that it prints, by the command `script`. */
  readonly onTerminal?: boolean;
  /** What it is given on standard input; default: nothing. */
  readonly input?: string;
  /** Runs as this user, who may read the bundle. */
  readonly uid?: number;
}

const directory = mkdtempSync(join(tmpdir(), 'tagwave-client-'));
chmodSync(directory, 0o755);
const script = join(directory, 'tagwave.cjs');
const emptyConfig = join(directory, 'client.yml');
writeFileSync(emptyConfig, '{}\n');
let bundled: Promise<unknown> | undefined;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The client as it is shipped: one file, made once. */
function bundle(): Promise<unknown> {
  bundled ??= bundleClient(script);
  return bundled;
}

/** Starts the real client as a process of its own, with a scrubbed environment. */
export async function startClient(
  args: readonly string[],
  { env = {}, node = process.execPath, cwd = directory, uid, onTerminal = false, input }: RunOptions = {},
): Promise<Started> {
  await bundle();
  const words = [node, script, ...args];
  const [command = '', ...rest] = onTerminal
    ? ['script', '-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null']
    : words;
  const child = spawn(command, rest, {
    cwd,
    env: { PATH: process.env['PATH'], TAGWAVE_CLIENT_CONFIG: emptyConfig, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  child.stdin?.end(input);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => (texts[name] += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...texts }));
  });
  return { child, ended };
}

/** Runs the client as a process to its end. */
export async function runProcess(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return (await startClient(args, options)).ended;
}

/** Runs the same command line in this process: everything is real but the start of another Node. */
export async function runClient(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  const streamTo = (name: keyof typeof texts) => ({
    write: (text: string) => (texts[name] += text),
    on: () => undefined,
  });
  const code = await runCommand({
    args,
    env: { TAGWAVE_CLIENT_CONFIG: emptyConfig, ...env },
    streams: { stdout: streamTo('stdout'), stderr: streamTo('stderr') },
    listenForStop: () => ({ signal: new AbortController().signal, received: () => undefined }),
  });
  return { code, signal: null, ...texts };
}

/** The flags of an ordinary run. */
export function pollArgs(server: { readonly url: string }, target: string, ...more: readonly string[]): string[] {
  return ['poll', '--server', server.url, '--hostname', 'web1', '--target', target, ...more];
}

/** All files below a directory by path: content, or where a link points. Undefined where there is no such directory. */
export async function treeOf(root: string): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  try {
    for (const dirent of await readdir(root, { withFileTypes: true, recursive: true })) {
      const path = join(dirent.parentPath, dirent.name);
      const name = path.slice(root.length + 1);
      if (dirent.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
      else if (dirent.isFile()) found[name] = await readFile(path, 'utf8');
    }
    return found;
  } catch {
    return undefined;
  }
}

/** What `current` leads to. */
export async function currentTree(target: string): Promise<Record<string, string> | undefined> {
  try {
    return await treeOf(join(target, await readlink(join(target, 'current'))));
  } catch {
    return undefined;
  }
}
