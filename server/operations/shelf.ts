import type { ObjectId, TagName } from '../../protocol/names.ts';
import { groupByTag, type MarkLine } from '../core/marks.ts';
import type { Problem } from '../core/problem.ts';
import type { TagRecord, Trunk } from '../core/tag.ts';
import { parseTagstate } from '../core/tagstate.ts';
import type { Repository } from '../ports/repository.ts';

/** What the repository holds, as last read. A new object whenever anything in it changed. */
export interface Shelf {
  /** Oldest first. */
  readonly tags: readonly TagRecord[];
  readonly byName: ReadonlyMap<string, TagRecord>;
  readonly trunk: Trunk | null;
  /** The marks of the `tagstate` at the root of trunk. */
  readonly repositoryMarks: ReadonlyMap<TagName, readonly MarkLine[]>;
  /** Its text, null where there is none. */
  readonly repositoryTagstate: string | null;
  /** The author of trunk. */
  readonly author: string;
  /** Of the tip alone. */
  readonly tipProblems: readonly Problem[];
  readonly problems: readonly Problem[];
}

export interface ShelfKeeper {
  current(): Shelf;
  /** Reads what changed in the repository; answers whether anything did. One at a time, the last one sees everything. */
  refresh(options: { readonly mayApprove: boolean }): Promise<boolean>;
}

const EMPTY: Shelf = {
  tags: [],
  byName: new Map(),
  trunk: null,
  repositoryMarks: new Map(),
  repositoryTagstate: null,
  author: 'server',
  tipProblems: [],
  problems: [],
};
const TAGSTATE_LIMIT_BYTES = 1024 * 1024;

type Tags = Awaited<ReturnType<Repository['tags']>>;

/** What the repository looked like when the shelf was last compared with it. */
interface Seen {
  readonly signature: string;
  readonly tip: string;
  readonly mayApprove: boolean;
  readonly tags: Tags;
}

export function openShelf(repository: Repository): ShelfKeeper {
  let shelf = EMPTY;
  let seen: Seen | undefined;
  let running: Promise<boolean> = Promise.resolve(false);

  const read = async (mayApprove: boolean): Promise<boolean> => {
    const tip = await repository.trunk();
    const signature = repository.signature();
    const isSameTip = seen?.tip === `${tip?.commit} ${tip?.at}` && seen.mayApprove === mayApprove;
    if (isSameTip && seen?.signature === signature) return false;
    const tags = await repository.tags();
    const isSame = isSameTip && seen?.tags === tags;
    if (!isSame) await take(tags, { tip, mayApprove });
    seen = { signature, tip: `${tip?.commit} ${tip?.at}`, mayApprove, tags };
    // For a moment after a change the signature cannot tell that there was no other.
    return !isSame;
  };

  const take = async ({ records, unreadable }: Tags, { tip, mayApprove }: Omit<TipQuestion, 'records' | 'last'>) => {
    // Retention never removes the last tags: without any left the repository itself is gone or damaged.
    if (records.length === 0 && shelf.tags.length > 0) throw new Error('the repository has lost all its tags');
    const isKnown = tip !== undefined && tip.commit === shelf.trunk?.commit && seen?.mayApprove === mayApprove;
    const known = isKnown && shelf.trunk !== null ? { ...pickTip(shelf), trunk: at(shelf.trunk, tip.at) } : undefined;
    const about = known ?? (await readTip(repository, { tip, records, mayApprove, last: shelf }));
    shelf = {
      ...about,
      tags: records,
      byName: new Map(records.map((record) => [record.name, record])),
      problems: [...unreadable.map(unreadableTag), ...about.tipProblems],
    };
  };

  return {
    current: () => shelf,
    refresh({ mayApprove }) {
      running = running.catch(() => false).then(() => read(mayApprove));
      return running;
    },
  };
}

/** What is known of the tip. Whatever is wrong with it, the tags already made keep being served. */
type AboutTip = Pick<Shelf, 'trunk' | 'repositoryMarks' | 'repositoryTagstate' | 'author' | 'tipProblems'>;

function pickTip({ trunk, repositoryMarks, repositoryTagstate, author, tipProblems }: Shelf): AboutTip {
  return { trunk, repositoryMarks, repositoryTagstate, author, tipProblems };
}

function at(trunk: Trunk, fetched: number): Trunk {
  return { ...trunk, fetched: new Date(fetched).toISOString() };
}

interface TipQuestion {
  readonly tip: Awaited<ReturnType<Repository['trunk']>>;
  readonly records: readonly TagRecord[];
  readonly mayApprove: boolean;
  readonly last: Shelf;
}

async function readTip(repository: Repository, { tip, records, mayApprove, last }: TipQuestion): Promise<AboutTip> {
  if (tip === undefined) return withoutTip(repository, { records, last });
  const { commit, tree } = tip;
  const sound = records.findLast((record) => record.broken === null)?.tree;
  const broken = await repository.flawOf(tree, sound).catch((error) => `it cannot be read: ${messageOf(error)}`);
  const author = await repository.commit(commit).then(
    (found) => found?.author ?? 'unknown',
    () => 'unknown',
  );
  const marks = await readMarks(repository, { commits: [commit, ...newestCommits(records)], mayApprove, last });
  const { byTag, text, problems } = marks;
  const trunk = at({ commit, tree, broken, fetched: '' }, tip.at);
  return { trunk, author, repositoryMarks: byTag, repositoryTagstate: text, tipProblems: problems };
}

/** Nothing was fetched, or nothing that may be released: what stopped a tag goes on doing so, what approved one doesn't. */
async function withoutTip(
  repository: Repository,
  { records, last }: Pick<TipQuestion, 'records' | 'last'>,
): Promise<AboutTip> {
  const options = { mayApprove: false };
  if (last.repositoryTagstate !== null) {
    const { lines } = parseTagstate(last.repositoryTagstate, 'repository', options);
    return { ...pickTip(last), trunk: null, repositoryMarks: groupByTag(lines) };
  }
  const marks = await readMarks(repository, { commits: newestCommits(records), ...options, last });
  const { byTag, text, problems } = marks;
  return { ...pickTip(EMPTY), repositoryMarks: byTag, repositoryTagstate: text, tipProblems: problems };
}

/** Where to look for the last readable `tagstate`, beginning with the newest tag. */
function newestCommits(records: readonly TagRecord[]): ObjectId[] {
  return [...new Set(records.slice(-24).map((record) => record.commit))].reverse();
}

interface MarksQuestion {
  readonly commits: readonly ObjectId[];
  readonly mayApprove: boolean;
  readonly last: Shelf;
}

interface RepositoryMarks {
  readonly byTag: ReadonlyMap<TagName, readonly MarkLine[]>;
  readonly text: string | null;
  readonly problems: readonly Problem[];
}

/** The marks of the tip; where its `tagstate` cannot be read the last ones that could be stay, with a problem. */
async function readMarks(
  repository: Repository,
  { commits, mayApprove, last }: MarksQuestion,
): Promise<RepositoryMarks> {
  let trouble: Problem | undefined;
  for (const commit of commits) {
    try {
      const content = await repository.file(commit, 'tagstate', TAGSTATE_LIMIT_BYTES);
      if (content?.includes(0)) throw new Error('it holds NUL bytes');
      const text = content?.toString('utf8') ?? null;
      const { lines, problems } = parseTagstate(text ?? '', 'repository', { mayApprove });
      return { byTag: groupByTag(lines), text, problems: trouble === undefined ? problems : [trouble, ...problems] };
    } catch (error) {
      trouble ??= unreadableTagstate(messageOf(error));
      // What was read in this process is newer than what the tags hold.
      if (last.trunk !== null) break;
    }
  }
  const problems = trouble === undefined ? [] : [trouble];
  return { byTag: last.repositoryMarks, text: last.repositoryTagstate, problems };
}

function unreadableTagstate(why: string): Problem {
  return {
    id: 'repository-tagstate:unreadable',
    severity: 'error',
    sentence: `the tagstate in the repository cannot be read (${why}); its last readable marks stay in effect`,
    hint: 'commit a readable one; marks in the tagstate of the base hold at once',
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unreadableTag({ tag, why }: { tag: string; why: string }): Problem {
  return {
    id: `tag:unreadable:${tag}`,
    severity: 'error',
    sentence: `the record of ${tag} cannot be read (${why}), so the tag is not served`,
    hint: 'check the disk, and run "git fsck" in repository.git of the state directory',
  };
}
