import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { environmentForGit } from '../child-environment.ts';
import { keep } from './prepare.ts';

/** What a program that talks to the outside said, and how it ended. */
export interface Talk {
  readonly ok: boolean;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** How it ended, where it said nothing. */
  readonly end: string;
}

export interface Limits {
  readonly seconds: number;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const KILL_AFTER_SECONDS = 2;
const TIMED_OUT = 124;
const LINGER_MS = 500;
/** Characters: of a list of branches so many are enough to find one, and of complaints the last. */
const MOST_LISTED = 4 * 1024 * 1024;
const MOST_SAID = 64 * 1024;

/**
 * Runs a command with a limit on its time. `timeout` ends the whole process group (ssh, a remote helper and the like
 * included) and still does so where we are killed meanwhile. In a session of its own nothing can ask at a terminal.
 */
export async function talk(command: readonly string[], { seconds, env, cwd }: Limits): Promise<Talk> {
  const began = performance.now();
  const child = execa('timeout', [`--kill-after=${KILL_AFTER_SECONDS}`, String(seconds), ...command], {
    env,
    extendEnv: false,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: 'ignore',
    detached: true,
    reject: false,
    buffer: false,
  });
  // Whatever a remote says: it fills neither the memory nor a pipe that nobody empties.
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    said.stdout = `${said.stdout}${piece}`.slice(0, MOST_LISTED);
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said.stderr = `${said.stderr}${piece}`.slice(-MOST_SAID);
  });
  // A daemon that it leaves behind (a credential cache, say) may keep the pipes open for ever.
  child.once('exit', () => {
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, LINGER_MS).unref();
  });
  const result = await child;
  const late = performance.now() - began >= seconds * 1000;
  const end =
    result.code === 'ENOENT'
      ? "the command 'timeout' (package coreutils) is not installed"
      : endOf(result.exitCode, result.signal);
  return {
    ok: result.exitCode === 0,
    timedOut: result.exitCode === TIMED_OUT || (late && result.exitCode !== 0),
    stdout: said.stdout.trimEnd(),
    stderr: said.stderr.trimEnd(),
    end,
  };
}

function endOf(exitCode: number | undefined, signal: string | undefined): string {
  return signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`;
}

/** Variables by which git tells its own children which repository they are in: we may have been started from a hook. */
const LOCAL = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/** Our own environment, less what leads git to another repository and what is nobody's but ours. */
export function ambientEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environmentForGit()).filter(([name]) => !LOCAL.has(name)));
}

/** What a fetch sees: the user's own settings and credentials, but never a question; messages in English, to be understood. */
export function transportEnvironment(stateDir: string): NodeJS.ProcessEnv {
  return {
    ...ambientEnvironment(),
    HOME: process.env['HOME'] ?? homedir(),
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_GLOBAL: userConfiguration(stateDir),
  };
}

/**
 * Writes what fetches see as the user's configuration: that repositories of other owners may be read and that ssh must not
 * ask, then the user's own. (Git takes the former from nowhere else, and ssh's command from the last place that sets it.)
 * The name depends on the content, since root and the server's user may share a state directory.
 */
function userConfiguration(stateDir: string): string {
  const { GIT_CONFIG_GLOBAL: given, XDG_CONFIG_HOME: xdg, GIT_SSH, GIT_SSH_COMMAND } = process.env;
  const usual = [xdg ? join(xdg, 'git/config') : '~/.config/git/config', '~/.gitconfig'];
  const own = (given === undefined ? usual : [given]).filter((file) => file !== '/dev/null' && file !== '');
  const text = [
    '# Written by tagwave-server; changes are overwritten.',
    '[safe]\n\tdirectory = *',
    ...(GIT_SSH || GIT_SSH_COMMAND ? [] : ['[core]\n\tsshCommand = ssh -oBatchMode=yes']),
    ...own.map((file) => `[include]\n\tpath = ${quoted(file)}`),
    '',
  ].join('\n');
  const path = join(stateDir, `gitconfig.${createHash('sha256').update(text).digest('hex').slice(0, 8)}`);
  keep(path, text);
  return path;
}

function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
