import { join } from 'node:path';
import type { ObjectId, TagName } from '../../../protocol/names.ts';
import type { TagRecord } from '../../core/tag.ts';
import { syncDirectory } from '../files/publish.ts';
import type { Apply, ChangeRefs } from './mutation.ts';
import { RETIRED, type Ref, refsBelow, TAGS } from './refs.ts';
import type { Git } from './run.ts';
import type { TagList } from './tag-list.ts';
import { tagObject } from './tag-object.ts';

interface Tagging {
  readonly git: Git;
  readonly changeRefs: ChangeRefs;
  readonly list: TagList;
}

/** Create-only and atomic: git itself lets one of any number of callers create the ref. On the disk when it returns. */
export async function createTag({ git, changeRefs, list }: Tagging, record: TagRecord): Promise<'created' | 'exists'> {
  const name = `${TAGS}${record.name}`;
  // The object harms nobody: it is written while the lock is being had.
  const writing = git.plumb(['mktag'], { input: tagObject(record) });
  writing.catch(() => undefined);
  const action = async (apply: Apply): Promise<'created' | 'exists'> => {
    const object = (await writing).stdout.toString().trim() as ObjectId;
    const created = list.expect({ name, object }, record);
    try {
      await apply([`create ${name} ${object}`]);
    } catch (error) {
      // Nearly always there is none yet: whether there is one is asked only where git refuses.
      if ((await refsBelow(git, name)).length > 0) return 'exists';
      throw error;
    }
    syncDirectory(join(git.gitDir, TAGS));
    created();
    return 'created';
  };
  return changeRefs({ at: Date.parse(record.created), action });
}

/** Moves tags to where they no longer count, in one step; those that are not there are left out. */
export async function retireTags(
  git: Git,
  changeRefs: ChangeRefs,
  { tags, at }: { tags: readonly TagName[]; at: number },
): Promise<void> {
  const names = new Set<string>(tags.map((tag) => `${TAGS}${tag}`));
  const action = async (apply: Apply): Promise<void> => {
    const refs = (await refsBelow(git, TAGS)).filter((ref) => names.has(ref.name));
    const lines = refs.flatMap(({ name, object }) => [
      `update ${RETIRED}${name.slice(TAGS.length)}/${Math.floor(at / 1000)} ${object}`,
      `delete ${name} ${object}`,
    ]);
    if (lines.length > 0) await apply(lines);
  };
  await changeRefs({ at, action });
}

/** The retired tags' refs with the instant (milliseconds) at which they were retired. */
export async function retiredTags(git: Git): Promise<(Ref & { readonly at: number })[]> {
  const refs = await refsBelow(git, RETIRED);
  return refs.map((ref) => ({ ...ref, at: Number(ref.name.split('/').at(-1)) * 1000 }));
}
