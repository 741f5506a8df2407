import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { publish } from '../files/publish.ts';
import { lock } from '../lock.ts';
import { GitFailed } from './git-failed.ts';
import { clearStaleRefLocks } from './mutation.ts';
import type { Git } from './run.ts';

export type ObjectFormat = 'sha1' | 'sha256';

/** Messages of git's object checks that concern old or sloppy tools, not damage: a history must not be refused for them. */
const HARMLESS = [
  'badDateOverflow',
  'badEmail',
  'badFilemode',
  'badTimezone',
  'emptyName',
  'gitmodulesParse',
  'gitmodulesName',
  'gitmodulesPath',
  'gitmodulesUrl',
  'missingEmail',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'multipleAuthors',
  'nullSha1',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
];

/**
 * The private repository's whole configuration. Names are taken as they are, content is never converted, no hook and no
 * collection of garbage runs by itself, a ref is logged only where somebody asks for it, what a ref names is on the disk before
 * the ref is, and damaged objects are refused.
 */
function configuration(format: ObjectFormat): string {
  return `# Written by tagwave-server; changes are overwritten.
[core]
	repositoryformatversion = ${format === 'sha1' ? 0 : 1}
	bare = true
	filemode = true
	symlinks = true
	ignorecase = false
	autocrlf = false
	safecrlf = false
	protectNTFS = false
	protectHFS = false
	hooksPath = /dev/null
	logAllRefUpdates = false
	filesRefLockTimeout = 10000
	packedRefsTimeout = 10000
	fsync = loose-object,pack,pack-metadata,commit-graph,reference
	fsyncMethod = batch
[extensions]
${format === 'sha1' ? '' : '	objectFormat = sha256\n'}[gc]
	auto = 0
	autoDetach = false
	packRefs = false
	reflogExpire = never
	reflogExpireUnreachable = never
[maintenance]
	auto = false
[fetch]
	writeCommitGraph = false
[transfer]
	fsckObjects = true
[fetch "fsck"]
${HARMLESS.map((message) => `	${message} = ignore\n`).join('')}`;
}

/** Git wants a HEAD to be one; nobody asks what it names. */
const HEAD = 'ref: refs/heads/none\n';
/** Overrides what any `.gitattributes` of a directory that is read says. */
const ATTRIBUTES = '* -text -ident -filter !eol !working-tree-encoding\n';

/**
 * Creates the repository where there is none, whole or not at all, and brings an existing one's configuration up to date.
 * Call it under the lock.
 */
export async function createRepository(git: Git, format: ObjectFormat = 'sha1'): Promise<void> {
  const { gitDir } = git;
  const isNew = !existsSync(gitDir);
  if (isNew) {
    const draft = `${gitDir}.new`;
    rmSync(draft, { recursive: true, force: true });
    await initialise(draft, { git, format });
    renameSync(draft, gitDir);
  }
  for (const directory of ['info', 'objects', 'refs']) mkdirSync(join(gitDir, directory), { recursive: true });
  keep(join(gitDir, 'config'), configuration(isNew ? format : formatOf(gitDir)));
  keep(join(gitDir, 'info/attributes'), ATTRIBUTES);
  keep(join(gitDir, 'HEAD'), HEAD);
}

async function initialise(draft: string, { git, format }: { git: Git; format: ObjectFormat }): Promise<void> {
  const { GIT_DIR: _, ...env } = git.env;
  const args = [
    'init',
    '--quiet',
    '--bare',
    '--template=',
    `--object-format=${format}`,
    '--initial-branch=none',
    draft,
  ];
  const result = await execa('git', args, { env, extendEnv: false, stdin: 'ignore', reject: false });
  if (result.code === 'ENOENT') throw new Error("the command 'git' is not installed. Install git 2.36 or newer.");
  if (result.failed)
    throw new GitFailed({ args, end: `exit code ${result.exitCode}`, stdout: result.stdout, stderr: result.stderr });
}

/** What its objects are named by. */
function formatOf(gitDir: string): ObjectFormat {
  const config = join(gitDir, 'config');
  return existsSync(config) && /objectformat\s*=\s*sha256/i.test(readFileSync(config, 'utf8')) ? 'sha256' : 'sha1';
}

/** Writes a file unless it reads like that already. */
export function keep(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  publish(path, text);
}

const PREPARE_WAIT_MS = 30_000;

export interface Preparation {
  readonly git: Git;
  readonly stateDir: string;
  readonly lockFile: string;
  readonly fetchLogFile: string;
}

/**
 * Creates the repository or brings it up to date. Where the state directory cannot be written, one that is there already
 * is left as it is: its tags can be served all the same.
 */
export async function prepareRepository(preparation: Preparation): Promise<void> {
  const { git, stateDir, lockFile, fetchLogFile } = preparation;
  const existed = existsSync(git.gitDir);
  try {
    mkdirSync(stateDir, { recursive: true });
    const attempt = await lock(lockFile, { waitMs: PREPARE_WAIT_MS });
    if (!attempt.ok) throw new Error(`${attempt.sentence}. ${attempt.hint}`);
    try {
      // A log of commits that a new repository doesn't have would be worse than none.
      if (!existsSync(git.gitDir)) rmSync(fetchLogFile, { force: true });
      await createRepository(git);
      clearStaleRefLocks(git.gitDir);
    } finally {
      attempt.value.release();
    }
  } catch (error) {
    if (!existed) throw error;
  }
}
