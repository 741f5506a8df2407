import { rmSync } from 'node:fs';
import { resolve as absolute, join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { DirectoryKeeper } from '../../ports/etch.ts';
import { lock } from '../lock.ts';
import { readDirectory } from './directory.ts';
import { openFetchLog } from './fetch-log.ts';
import { mutations } from './mutation.ts';
import { gitDate, resolve, TRUNK } from './refs.ts';
import { type Git, openGit } from './run.ts';

const WAIT_MS = 30_000;

/** Takes directories into the private repository of a state directory, beside what the source has. */
export function openDirectoryKeeper(stateDir: string): DirectoryKeeper {
  const state = absolute(stateDir);
  const git = openGit(join(state, 'repository.git'));
  const { changeRefs } = mutations(git, join(state, 'repository.lock'));
  return {
    async keep(directory, { parent, at, subject }) {
      const held = await lock(join(state, 'fetch.lock'), { waitMs: WAIT_MS });
      if (!held.ok) return held;
      // An index of its own: the source's knows the times of other files.
      const index = join(git.gitDir, 'import-index');
      try {
        const context = { git: withIndex(git, index), index, directory, stateDir: state, inherit: held.value.fd };
        const tree = await readDirectory(context);
        return tree.ok ? { ok: true, value: await commitOnto(git, { parent, at, subject, tree: tree.value }) } : tree;
      } finally {
        rmSync(index, { force: true });
        held.value.release();
      }
    },
    async beginWith(commit, at) {
      const log = openFetchLog(join(state, 'fetches.ndjson'));
      if (log.tips().length > 0 || (await resolve(git, TRUNK)) !== undefined) return;
      await changeRefs({
        at,
        keepLog: true,
        async action(apply) {
          await apply([`update ${TRUNK} ${commit}`]);
          log.append({ commit, at });
        },
      });
    },
  };
}

function withIndex(git: Git, index: string): Git {
  return {
    ...git,
    plumb: (args, options = {}) => git.plumb(args, { ...options, env: { ...options.env, GIT_INDEX_FILE: index } }),
  };
}

interface Kept {
  readonly parent: ObjectId | null;
  readonly at: number;
  readonly subject: string;
  readonly tree: ObjectId;
}

/** Equal trees share a commit, so that an hour without a change has none of its own. */
async function commitOnto(git: Git, { parent, at, subject, tree }: Kept): Promise<ObjectId> {
  if (parent !== null && (await resolve(git, `${parent}^{tree}`)) === tree) return parent;
  const env = { GIT_AUTHOR_DATE: gitDate(at), GIT_COMMITTER_DATE: gitDate(at) };
  const args = ['commit-tree', ...(parent === null ? [] : ['-p', parent]), tree];
  const { stdout } = await git.plumb(args, { input: subject, env });
  return stdout.toString().trim() as ObjectId;
}
