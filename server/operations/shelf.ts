import type { TagName } from '../../protocol/names.ts';
import { groupByTag, type MarkLine } from '../core/marks.ts';
import type { Problem } from '../core/problem.ts';
import type { TagRecord, Trunk } from '../core/tag.ts';
import { parseTagstate } from '../core/tagstate.ts';
import type { Repository } from '../ports.ts';

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
  problems: [],
};
const TAGSTATE_LIMIT_BYTES = 1024 * 1024;

export function openShelf(repository: Repository): ShelfKeeper {
  let shelf = EMPTY;
  let key: string | undefined;
  let running: Promise<boolean> = Promise.resolve(false);

  const read = async (mayApprove: boolean): Promise<boolean> => {
    const tip = await repository.trunk();
    const now = `${repository.signature()} ${tip?.commit} ${tip?.at} ${mayApprove}`;
    if (now === key) return false;
    const { records, unreadable } = await repository.tags();
    const sameTip = tip !== undefined && tip.commit === shelf.trunk?.commit && key?.endsWith(String(mayApprove));
    const sound = records.findLast((record) => record.broken === null)?.tree;
    const trunk: Trunk | null =
      (tip && {
        commit: tip.commit,
        tree: tip.tree,
        broken: sameTip ? (shelf.trunk?.broken ?? null) : await repository.flawOf(tip.tree, sound),
        fetched: new Date(tip.at).toISOString(),
      }) ||
      null;
    const marks = sameTip ? undefined : await readMarks(repository, trunk, mayApprove);
    const tagProblems = unreadable.map(unreadableTag);
    shelf = {
      tags: records,
      byName: new Map(records.map((record) => [record.name, record])),
      trunk,
      repositoryMarks: marks === undefined ? shelf.repositoryMarks : marks.byTag,
      repositoryTagstate: marks === undefined ? shelf.repositoryTagstate : marks.text,
      author: sameTip || trunk === null ? shelf.author : ((await repository.commit(trunk.commit))?.author ?? 'unknown'),
      problems: [
        ...tagProblems,
        ...(marks?.problems ?? shelf.problems.filter((problem) => problem.id.startsWith('repository-tagstate'))),
      ],
    };
    key = now;
    return true;
  };

  return {
    current: () => shelf,
    refresh({ mayApprove }) {
      running = running.catch(() => false).then(() => read(mayApprove));
      return running;
    },
  };
}

interface RepositoryMarks {
  readonly byTag: ReadonlyMap<TagName, readonly MarkLine[]>;
  readonly text: string | null;
  readonly problems: readonly Problem[];
}

/** Undefined where the file cannot be read: the marks known before stay. */
async function readMarks(
  repository: Repository,
  trunk: Trunk | null,
  mayApprove: boolean,
): Promise<RepositoryMarks | undefined> {
  if (trunk === null) return { byTag: new Map(), text: null, problems: [] };
  const content = await repository.file(trunk.commit, 'tagstate', TAGSTATE_LIMIT_BYTES);
  if (content === undefined) return { byTag: new Map(), text: null, problems: [] };
  const text = content.toString('utf8');
  const { lines, problems } = parseTagstate(text, 'repository', { mayApprove });
  return { byTag: groupByTag(lines), text, problems };
}

function unreadableTag({ tag, why }: { tag: string; why: string }): Problem {
  return {
    id: `tag:unreadable:${tag}`,
    severity: 'error',
    sentence: `the record of ${tag} cannot be read (${why}), so the tag is not served`,
    hint: 'check the disk, and run "git fsck" in repository.git of the state directory',
  };
}
