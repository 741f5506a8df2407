import { resolve as absolute, join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { FetchedTip, Repository } from '../../ports/repository.ts';
import type { Access } from './access.ts';
import { openComparisons } from './compare.ts';
import { clearInterruptedFetches, fetchTip } from './fetch.ts';
import { lastTipAt, openFetchLog } from './fetch-log.ts';
import { fileAt } from './file-at.ts';
import { flawOf, type Submodules } from './flaw.ts';
import { collectGarbage } from './garbage.ts';
import { apart, commitOf, firstParents } from './history.ts';
import { mutations } from './mutation.ts';
import { blobs, entries } from './objects.ts';
import { isGitRepository, type Source } from './obtain.ts';
import { prepareRepository } from './prepare.ts';
import { resolve, TRUNK } from './refs.ts';
import { type Git, openGit } from './run.ts';
import { type SignaturePolicy, signersTrouble } from './signers.ts';
import { openTagList } from './tag-list.ts';
import { createTag, retireTags } from './tags.ts';
import { openVerifier, trusting, type Verifier } from './verify.ts';

export interface RepositoryOptions {
  /** Holds `repository.git`, the fetch log and locks; created where it is missing. */
  readonly stateDir: string;
  readonly source: Source;
  readonly access?: Access;
  readonly submodules: Submodules;
  readonly fetchTimeoutSeconds: number;
  readonly requireFastForward: boolean;
  /** Who has to have signed what becomes a tag; null or left out = nobody. */
  readonly signatures?: SignaturePolicy | null;
}

/** The git adapter: a private bare repository in the state directory, filled from the source. Call `prepare` first. */
export function openRepository(options: RepositoryOptions): Repository {
  const stateDir = absolute(options.stateDir);
  const inState = (name: string) => join(stateDir, name);
  const git = openGit(inState('repository.git'));
  const [lockFile, fetchLock, garbageLock] = [
    inState('repository.lock'),
    inState('fetch.lock'),
    inState('garbage.lock'),
  ];
  const fetchLogFile = inState('fetches.ndjson');
  const { mutate, changeRefs } = mutations(git, lockFile);
  const log = openFetchLog(fetchLogFile);
  const list = openTagList(git);
  const verifier = verifierFor(options, git, stateDir);
  const treeOf = treeReader(git);
  const comparisons = openComparisons(git);

  const tips = async (): Promise<readonly FetchedTip[]> => {
    const logged = log.tips();
    return logged.length > 0 ? logged : tipsFromReflog(git);
  };
  const trusted = async () => verifier.newest(await tips());
  const fetching = { ...options, git, mutate, changeRefs, log, stateDir, fetchLock, garbageLock, trusted };

  return {
    async prepare() {
      await prepareRepository({ git, stateDir, lockFile, fetchLogFile });
      await clearInterruptedFetches(fetching);
    },
    fetch: (at, landed = () => at) => fetchTip(fetching, at, landed),
    tip: async () => (await tips()).at(-1),
    async trunk() {
      const tip = await trusted();
      const tree = tip && (await treeOf(tip.commit));
      return tip && tree && { ...tip, tree };
    },
    tipAt: async (at) => lastTipAt(await tips(), at),
    commit: (id) => commitOf(git, id),
    verify: verifier.verify,
    async history(since) {
      const tip = (await tips()).at(-1);
      return tip === undefined ? [] : firstParents(git, tip.commit, since);
    },
    async commitsBetween(older, newer) {
      const counts = await apart(git, older, newer);
      return counts?.onlyOne === 0 ? counts.onlyOther : null;
    },
    flawOf: flawsByTree((tree, sound) => flawOf(git, { tree, sound }, options.submodules)),
    signature: list.signature,
    tags: list.tags,
    createTag: (record) => createTag({ git, changeRefs, list }, record),
    retireTags: (tags, at) => retireTags(git, changeRefs, { tags, at }),
    collectGarbage: (retiredBefore) => collectGarbage({ git, mutate, log, lockFile: garbageLock }, retiredBefore),
    file: (treeish, path, limit) => fileAt(git.objects, { treeish, path }, limit),
    entries: (tree) => entries(git, tree),
    blobs: (ids) => blobs(git, ids),
    compare: comparisons.compare,
    patch: comparisons.patch,
  };
}

function verifierFor({ signatures, source }: RepositoryOptions, git: Git, stateDir: string): Verifier {
  if (!signatures) return trusting;
  const unsignable = () => unsignableIn(source);
  return openVerifier({ git, stateDir, policy: signatures, source: placeOf(source), env: git.env, unsignable });
}

/** Why nothing could be released as the settings ask for signatures, at first sight; null where nothing speaks against it. */
export function signatureTrouble({ signatures, source }: Omit<RepositoryOptions, 'stateDir'>): string | null {
  if (!signatures) return null;
  return unsignableIn(source) ?? signersTrouble(signatures, placeOf(source));
}

function unsignableIn(source: Source): string | null {
  return source.kind === 'url' || isGitRepository(source.path)
    ? null
    : `${source.path} is no git work tree, and only commits can be signed (repo.verify)`;
}

/** Where it is a directory of this machine. */
function placeOf(source: Source): string | null {
  if (source.kind === 'directory') return source.path;
  return source.url.startsWith('/') ? source.url : null;
}

/** A commit's tree never changes: asked for once. */
function treeReader(git: Git): (commit: ObjectId) => Promise<ObjectId | undefined> {
  let last: { readonly commit: ObjectId; readonly tree: ObjectId } | undefined;
  return async (commit) => {
    if (last?.commit === commit) return last.tree;
    const tree = await resolve(git, `${commit}^{tree}`);
    if (tree !== undefined) last = { commit, tree };
    return tree;
  };
}

/** The tip is looked at when it is fetched and again when it becomes a tag: what is wrong with a tree never changes. */
function flawsByTree(flawOf: Repository['flawOf']): Repository['flawOf'] {
  let last: { readonly tree: ObjectId; readonly flaw: string | null } | undefined;
  return async (tree, sound) => {
    if (last?.tree === tree) return last.flaw;
    const flaw = await flawOf(tree, sound);
    last = { tree, flaw };
    return flaw;
  };
}

/** Where the log was lost, git's own remembers when the trunk moved. */
async function tipsFromReflog(git: Git): Promise<FetchedTip[]> {
  if ((await resolve(git, TRUNK)) === undefined) return [];
  const listing = await git.read(['reflog', 'show', '--date=unix', '--format=%H %gd', TRUNK]);
  return [...listing.matchAll(/^([0-9a-f]+) .*@\{(\d+)\}$/gm)]
    .map(([, commit = '', seconds = '']) => ({ commit: commit as ObjectId, at: Number(seconds) * 1000 }))
    .reverse();
}
