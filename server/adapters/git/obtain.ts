import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Attempt } from '../../ports/common.ts';
import { masked } from '../known-secrets.ts';
import { type Access, accessTo } from './access.ts';
import { commitDirectory } from './directory.ts';
import { type FetchContext, fetchFailure, kindOf, noBranch } from './failure.ts';
import type { FetchLog } from './fetch-log.ts';
import type { ChangeRefs, Mutate } from './mutation.ts';
import { createRepository } from './prepare.ts';
import { INCOMING, refsBelow, resolve } from './refs.ts';
import type { Git } from './run.ts';
import { ambientEnvironment, type Talk, talk, transportEnvironment } from './transport.ts';

export type Source =
  /** Without a branch, the one that the remote's HEAD names. */
  | { readonly kind: 'url'; readonly url: string; readonly branch: string | null }
  /** `update` is the words of a command that brings the directory up to date, run in it before each reading. */
  | { readonly kind: 'directory'; readonly path: string; readonly update: readonly string[] | null };

export interface Obtaining {
  readonly git: Git;
  readonly mutate: Mutate;
  readonly changeRefs: ChangeRefs;
  readonly log: FetchLog;
  readonly stateDir: string;
  readonly source: Source;
  readonly access?: Access;
  readonly fetchTimeoutSeconds: number;
}

export interface Moment {
  readonly at: number;
  readonly inherit: number;
}

/** Brings the source's tip into the repository, whatever kind of source it is; no ref that counts is touched. */
export async function obtain(obtaining: Obtaining, moment: Moment): Promise<Attempt<ObjectId>> {
  const { source } = obtaining;
  if (source.kind === 'url') return fetchFrom(obtaining, { source: source.url, branch: source.branch });
  if (source.update !== null && source.update.length > 0) {
    const updated = await runUpdate(source.path, source.update, obtaining.fetchTimeoutSeconds);
    if (!updated.ok) return updated;
  }
  if (isGitRepository(source.path)) return fetchFrom(obtaining, { source: source.path, branch: null });
  return commitDirectory({ ...obtaining, directory: source.path, inherit: moment.inherit }, moment.at);
}

/** Only the directory itself counts: one inside somebody's working copy is a plain one. */
export function isGitRepository(directory: string): boolean {
  const has = (name: string) => existsSync(join(directory, name));
  return has('.git') || (has('HEAD') && has('objects') && has('refs'));
}

async function runUpdate(directory: string, update: readonly string[], seconds: number): Promise<Attempt<null>> {
  const cwd = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? directory : undefined;
  const result = await talk(update, { seconds, env: ambientEnvironment(), ...(cwd === undefined ? {} : { cwd }) });
  if (result.ok) return { ok: true, value: null };
  // Arguments may hold a password.
  const command = update.length > 1 ? `${update[0]} …` : update[0];
  const lastLine = result.stderr.trim().split('\n').at(-1) || result.end;
  return result.timedOut
    ? {
        ok: false,
        sentence: `the command '${command}' (repo.update) took longer than ${seconds} s and was stopped`,
        hint: 'Run it by hand; raise repo.fetch_timeout_seconds where it is only slow.',
      }
    : {
        ok: false,
        sentence: `the command '${command}' (repo.update) failed: ${masked(lastLine)}`,
        hint: `Run it by hand, as the server's user, in ${directory}.`,
      };
}

async function fetchFrom(
  obtaining: Obtaining,
  wanted: { source: string; branch: string | null },
): Promise<Attempt<ObjectId>> {
  const access = accessTo(wanted.source, obtaining.access);
  if (!access.ok) return access;
  const { url: source, env } = access.value;
  return fetchWith({ ...obtaining, env }, { ...wanted, source, seconds: obtaining.fetchTimeoutSeconds });
}

/** `env` is what proves who we are. */
type Talking = Obtaining & { readonly env: Readonly<Record<string, string>> };

async function fetchWith(obtaining: Talking, context: FetchContext): Promise<Attempt<ObjectId>> {
  const incoming = `${INCOMING}${process.pid}-${randomBytes(4).toString('hex')}`;
  let result = await gitFetch(obtaining, context, incoming);
  if (!result.ok && /mismatched algorithms|object format/i.test(result.stderr) && (await becomeSha256(obtaining)))
    result = await gitFetch(obtaining, context, incoming);
  if (!result.ok) return explain(obtaining, context, result);
  const tip = await resolve(obtaining.git, `${incoming}^{commit}`);
  return tip === undefined ? explain(obtaining, context, result) : { ok: true, value: tip };
}

function gitFetch(obtaining: Talking, { source, branch }: FetchContext, incoming: string): Promise<Talk> {
  const options = [
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--no-prune',
    '--update-shallow',
  ];
  const ref = branch === null ? 'HEAD' : branch.startsWith('refs/') ? branch : `refs/heads/${branch}`;
  return gitTalk(obtaining, ['fetch', ...options, '--no-auto-maintenance', '--', source, `+${ref}:${incoming}`]);
}

function gitTalk({ git, stateDir, fetchTimeoutSeconds, env }: Talking, args: readonly string[]): Promise<Talk> {
  const environment = { ...transportEnvironment(stateDir), ...env, GIT_DIR: git.gitDir };
  return talk(['git', ...args], { seconds: fetchTimeoutSeconds, env: environment });
}

async function explain(obtaining: Talking, context: FetchContext, result: Talk): Promise<Attempt<never>> {
  if (kindOf(result) !== 'no-branch') return fetchFailure(result, context);
  const listed = await gitTalk(obtaining, ['ls-remote', '--heads', '--', context.source]);
  if (!listed.ok) return fetchFailure(result, context);
  const branches = [...listed.stdout.matchAll(/\trefs\/heads\/(.*)$/gm)].map(([, name = '']) => name);
  return noBranch(branches, context);
}

/** A repository that has nothing yet can still change what it names objects by. */
async function becomeSha256({ git, mutate, log }: Obtaining): Promise<boolean> {
  return mutate(async () => {
    if (log.tips().length > 0 || (await refsBelow(git, 'refs/')).length > 0) return false;
    rmSync(git.gitDir, { recursive: true, force: true });
    await createRepository(git, 'sha256');
    return true;
  });
}
