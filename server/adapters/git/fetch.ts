import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Attempt, Fetched } from '../../ports.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { lock, tryLock } from '../lock.ts';
import { commitDirectory } from './directory.ts';
import { type FetchContext, fetchFailure, kindOf, noBranch, tellingLine, withoutPassword } from './failure.ts';
import type { FetchLog } from './fetch-log.ts';
import { apart, commitOf } from './history.ts';
import { LockedOut, type Mutate } from './mutation.ts';
import { createRepository } from './prepare.ts';
import { gitDate, INCOMING, refsBelow, resolve, TRUNK } from './refs.ts';
import { type Git, GitFailed } from './run.ts';
import { ambientEnvironment, type Talk, talk, transportEnvironment } from './transport.ts';

export type Source =
  /** Without a branch, the one that the remote's HEAD names. */
  | { readonly kind: 'url'; readonly url: string; readonly branch: string | null }
  /** `update` is the words of a command that brings the directory up to date, run in it before each reading. */
  | { readonly kind: 'directory'; readonly path: string; readonly update: readonly string[] | null };

export interface Fetching {
  readonly git: Git;
  readonly mutate: Mutate;
  readonly log: FetchLog;
  readonly stateDir: string;
  readonly source: Source;
  readonly fetchTimeoutSeconds: number;
  readonly requireFastForward: boolean;
  /** One fetch at a time among all processes. */
  readonly fetchLock: string;
  readonly garbageLock: string;
}

/** Takes the source's tip: from the outside to a name of its own, then, in one step, to the trunk and the log. */
export async function fetchTip(fetching: Fetching, at: number): Promise<Attempt<Fetched>> {
  const waitMs = (fetching.fetchTimeoutSeconds + 5) * 1000;
  const held = await lock(fetching.fetchLock, { waitMs });
  if (!held.ok) return held;
  try {
    await clearInterrupted(fetching);
    const tip = await obtain(fetching, { at, inherit: held.value.fd });
    return tip.ok ? await accept(fetching, tip.value, at) : tip;
  } catch (error) {
    return ofState(error);
  } finally {
    held.value.release();
  }
}

/** A full or read-only disk, most of all. What is no failure of git, a file or the lock is a mistake of ours. */
function ofState(error: unknown): Attempt<never> {
  if (error instanceof GitFailed) {
    const said = tellingLine({ stderr: error.stderr, end: error.message });
    const full = /No space left|Disk quota/i.test(error.stderr);
    return {
      ok: false,
      sentence: `what was fetched could not be taken in: ${said}`,
      hint: full
        ? 'Make room in the state directory.'
        : 'Look at the state directory: it must be writable, and its disk in order.',
    };
  }
  if (!(error instanceof LockedOut) && errorCode(error) === '') throw error;
  return {
    ok: false,
    sentence: `what was fetched could not be written down: ${reasonOf(error)}`,
    hint: 'Look at the state directory: it must be writable and have room.',
  };
}

interface Moment {
  readonly at: number;
  readonly inherit: number;
}

async function obtain(fetching: Fetching, moment: Moment): Promise<Attempt<ObjectId>> {
  const { source } = fetching;
  if (source.kind === 'url') return fetchFrom(fetching, { source: source.url, branch: source.branch });
  if (source.update !== null && source.update.length > 0) {
    const updated = await runUpdate(source.path, source.update, fetching.fetchTimeoutSeconds);
    if (!updated.ok) return updated;
  }
  if (isGitRepository(source.path)) return fetchFrom(fetching, { source: source.path, branch: null });
  return commitDirectory({ ...fetching, directory: source.path, inherit: moment.inherit }, moment.at);
}

/** Only the directory itself counts: one inside somebody's working copy is a plain one. */
function isGitRepository(directory: string): boolean {
  const has = (name: string) => existsSync(join(directory, name));
  return has('.git') || (has('HEAD') && has('objects') && has('refs'));
}

async function runUpdate(directory: string, update: readonly string[], seconds: number): Promise<Attempt<null>> {
  const cwd = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? directory : undefined;
  const result = await talk(update, { seconds, env: ambientEnvironment(), ...(cwd === undefined ? {} : { cwd }) });
  if (result.ok) return { ok: true, value: null };
  const command = withoutPassword(update.join(' '));
  const lastLine = result.stderr.trim().split('\n').at(-1) || result.end;
  return result.timedOut
    ? {
        ok: false,
        sentence: `the command '${command}' (repo.update) took longer than ${seconds} s and was stopped`,
        hint: 'Run it by hand; raise repo.fetch_timeout_seconds where it is only slow.',
      }
    : {
        ok: false,
        sentence: `the command '${command}' (repo.update) failed: ${withoutPassword(lastLine)}`,
        hint: `Run it by hand, as the server's user, in ${directory}.`,
      };
}

async function fetchFrom(
  fetching: Fetching,
  wanted: { source: string; branch: string | null },
): Promise<Attempt<ObjectId>> {
  const context: FetchContext = { ...wanted, seconds: fetching.fetchTimeoutSeconds };
  const incoming = `${INCOMING}${process.pid}-${randomBytes(4).toString('hex')}`;
  let result = await gitFetch(fetching, context, incoming);
  if (!result.ok && /mismatched algorithms|object format/i.test(result.stderr) && (await becomeSha256(fetching)))
    result = await gitFetch(fetching, context, incoming);
  if (!result.ok) return explain(fetching, context, result);
  const tip = await resolve(fetching.git, `${incoming}^{commit}`);
  return tip === undefined ? explain(fetching, context, result) : { ok: true, value: tip };
}

function gitFetch(fetching: Fetching, { source, branch }: FetchContext, incoming: string): Promise<Talk> {
  const options = [
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--no-prune',
    '--update-shallow',
  ];
  const ref = branch === null ? 'HEAD' : branch.startsWith('refs/') ? branch : `refs/heads/${branch}`;
  return gitTalk(fetching, ['fetch', ...options, '--no-auto-maintenance', '--', source, `+${ref}:${incoming}`]);
}

function gitTalk({ git, stateDir, fetchTimeoutSeconds }: Fetching, args: readonly string[]): Promise<Talk> {
  const env = { ...transportEnvironment(stateDir), GIT_DIR: git.gitDir };
  return talk(['git', ...args], { seconds: fetchTimeoutSeconds, env });
}

async function explain(fetching: Fetching, context: FetchContext, result: Talk): Promise<Attempt<never>> {
  if (kindOf(result) !== 'no-branch') return fetchFailure(result, context);
  const listed = await gitTalk(fetching, ['ls-remote', '--heads', '--', context.source]);
  if (!listed.ok) return fetchFailure(result, context);
  const branches = [...listed.stdout.matchAll(/\trefs\/heads\/(.*)$/gm)].map(([, name = '']) => name);
  return noBranch(branches, context);
}

/** A repository that has nothing yet can still change what it names objects by. */
async function becomeSha256({ git, mutate, log }: Fetching): Promise<boolean> {
  return mutate(async () => {
    if (log.tips().length > 0 || (await refsBelow(git, 'refs/')).length > 0) return false;
    rmSync(git.gitDir, { recursive: true, force: true });
    await createRepository(git, 'sha256');
    return true;
  });
}

async function accept(
  { git, mutate, log, ...fetching }: Fetching,
  tip: ObjectId,
  at: number,
): Promise<Attempt<Fetched>> {
  return mutate(async (plumb) => {
    const commit = await commitOf(git, tip);
    if (commit === undefined) throw new Error(`the commit ${tip} cannot be read`);
    const trunk = await resolve(git, TRUNK);
    const previous = log.tips().at(-1)?.commit ?? trunk;
    const rewritten = previous !== undefined && (await apart(git, previous, tip))?.onlyOne !== 0;
    const refused = rewritten && fetching.requireFastForward;
    // Whoever fetches holds the fetch lock, so whatever came in before was left behind.
    const incoming = (await refsBelow(git, INCOMING)).map((ref) => `delete ${ref.name}\n`);
    const update = refused || trunk === tip ? [] : [`update ${TRUNK} ${tip}\n`];
    const input = [...update, ...incoming].join('');
    if (input !== '') await plumb(['update-ref', '--stdin'], { input, env: { GIT_COMMITTER_DATE: gitDate(at) } });
    if (refused) return rewriteRefused(previous, tip);
    // Only what is logged is the trunk: where we are killed before this line, the old tip stays.
    log.append({ commit: tip, at });
    return { ok: true, value: { tip: commit, previous, rewritten } };
  });
}

function rewriteRefused(previous: ObjectId | undefined, tip: ObjectId): Attempt<never> {
  return {
    ok: false,
    sentence: `the branch's history was rewritten: ${previous?.slice(0, 12)}, its tip before, is not part of ${tip.slice(0, 12)}`,
    hint: 'Restore the branch, or set repo.require_fast_forward to false to accept what it is now.',
  };
}

/** Where no fetch is going on, removes what an earlier one left that was killed. */
export async function clearInterruptedFetches(fetching: Fetching): Promise<void> {
  const idle = await tryLock(fetching.fetchLock);
  if (!idle.ok) return;
  try {
    await clearInterrupted(fetching);
  } finally {
    idle.value.release();
  }
}

/** With the fetch lock held: what a fetch that was killed left, which would block the next or fill the disk. */
async function clearInterrupted({ git, garbageLock }: Fetching): Promise<void> {
  for (const name of ['index.lock', 'shallow.lock']) rmSync(join(git.gitDir, name), { force: true });
  rmSync(join(git.gitDir, `${INCOMING}`), { recursive: true, force: true });
  const packs = leftovers(join(git.gitDir, 'objects/pack'), 'tmp_');
  const directories = leftovers(join(git.gitDir, 'objects'), 'tmp_objdir-');
  if (packs.length + directories.length === 0) return;
  // A collection of garbage writes files with such names too.
  const idle = await tryLock(garbageLock);
  if (!idle.ok) return;
  for (const path of [...packs, ...directories]) rmSync(path, { recursive: true, force: true });
  idle.value.release();
}

function leftovers(directory: string, prefix: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(directory, name));
}
