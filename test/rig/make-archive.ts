import type { Digest, ObjectId } from '../../protocol/names.ts';
import { blobs, entries } from '../../server/adapters/git/objects.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import { file } from './file-in.ts';

/** Makes a view's archive, slowly enough to be killed in the middle: `make-archive.ts GITDIR STATEDIR DIGEST`. */
const [gitDir = '', stateDir = '', digest = ''] = process.argv.slice(2);
const repository = {
  entries: (tree: ObjectId) => entries({ gitDir }, tree),
  file: (treeish: ObjectId, path: string, limit: number) => file({ store: { gitDir }, treeish }, path, limit),
  blobs: (ids: Iterable<ObjectId>) => blobs({ gitDir }, ids),
};
await openViews({ stateDir, repository }).archive(digest as Digest);
