import { readFile } from 'node:fs/promises';
import { type ManifestEntry, parseManifest } from '../../protocol/manifest.ts';
import type { Digest, ObjectId } from '../../protocol/names.ts';
import { blobs, entries } from '../../server/adapters/git/objects.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import type { NodeInputs } from '../../server/core/node-inputs.ts';
import type { Views } from '../../server/ports/content.ts';
import { disposableDirectory } from './disposable.ts';
import { file } from './file-in.ts';
import { repositoryWith, type TestRepository, writeFiles } from './repository.ts';

/** Views for nodes on a real repository, with a record of what was asked of git and of what was rendered. */
export interface ViewLab {
  readonly repository: TestRepository;
  readonly views: Views;
  readonly stateDir: string;
  /** What was asked of git, and how often. */
  readonly asked: { entries: number; blobs: number; file: number };
  /** The templates that were rendered, in order. */
  readonly rendered: string[];
  /** Writes files, commits, and answers the tree. An empty text removes nothing; `null` removes the file. */
  change(files: Readonly<Record<string, string | null>>): Promise<ObjectId>;
  /** The same repository and state directory, as another process sees them. */
  reopen(): Promise<ViewLab>;
}

export async function viewLab(files: Readonly<Record<string, string>>): Promise<ViewLab> {
  return labOn(await repositoryWith(files), await disposableDirectory());
}

/** `archiveCacheBytes`: what all archives and manifests may take on the disk together. */
export async function labOn(
  repository: TestRepository,
  stateDir: string,
  limits: { readonly archiveCacheBytes?: number; readonly mostOfNodes?: number } = {},
): Promise<ViewLab> {
  const asked = { entries: 0, blobs: 0, file: 0 };
  const rendered: string[] = [];
  const contents = {
    entries: (tree: ObjectId) => {
      asked.entries++;
      return entries(repository, tree);
    },
    blobs: (ids: Iterable<ObjectId>) => {
      asked.blobs++;
      return blobs(repository, ids);
    },
    file: (treeish: ObjectId, path: string, limit: number) => {
      asked.file++;
      return file({ store: repository, treeish }, path, limit);
    },
  };
  const { archiveCacheBytes, mostOfNodes } = limits;
  const views = openViews({
    stateDir,
    repository: contents,
    onRender: (path) => rendered.push(path),
    ...(mostOfNodes === undefined ? {} : { mostOfNodes }),
    ...(archiveCacheBytes === undefined ? {} : { limits: () => ({ archiveCacheBytes, deltaCacheBytes: 2 ** 28 }) }),
  });
  return {
    repository,
    views,
    stateDir,
    asked,
    rendered,
    async change(changed) {
      const gone = Object.keys(changed).filter((path) => changed[path] === null);
      const written = Object.entries(changed).flatMap(([path, text]) => (text === null ? [] : [[path, text] as const]));
      if (gone.length > 0) await repository.git(['rm', '--quiet', '--', ...gone]);
      await writeFiles(repository.work, Object.fromEntries(written));
      await repository.commit();
      return repository.tree();
    },
    reopen: () => labOn(repository, stateDir),
  };
}

export function node(hostname: string, given: Partial<NodeInputs> = {}): NodeInputs {
  return { hostname: `${hostname}.example.com`, environment: 'production', groups: [], facts: {}, ...given };
}

/** The manifest of a view, read from its file. */
export async function manifestOf(views: Views, digest: Digest): Promise<ManifestEntry[]> {
  const stored = await views.manifest(digest);
  if (stored === undefined) throw new Error(`there is no manifest of ${digest}`);
  return parseManifest(await readFile(stored.path));
}

/** Path → content of a node's view, links as `-> TARGET`. */
export async function contentOf(views: Views, tree: ObjectId, of: NodeInputs): Promise<Record<string, string>> {
  const { entries: found, content } = await views.preview(tree, of);
  const all: [string, string][] = [];
  for (const { path, mode } of found) {
    const text = (await content(path))?.toString('utf8') ?? '';
    all.push([path, mode === '120000' ? `-> ${text}` : text]);
  }
  return Object.fromEntries(all);
}
