import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import * as z from 'zod/mini';
import { type Digest, hexOf, type ObjectId, parseDigest, parseObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import type { StoredFile, View } from '../../ports/content.ts';
import { publish, removeLeftovers, temporaryName } from './publish.ts';
import type { Sum } from './sums.ts';

/** What is kept beside a manifest: a view and what it can be made of again. */
export interface About {
  readonly view: View;
  /** Trees whose whole content it is. */
  readonly trees: readonly ObjectId[];
  /** How it was made for nodes. */
  readonly recipes: readonly KeptRecipe[];
}

/** A node for which trees have this view, and everybody else with the same key. */
export interface KeptRecipe {
  readonly key: string;
  /** The last seen last. */
  readonly trees: readonly ObjectId[];
  readonly node: NodeInputs;
}

/** A file that was looked at, and what of it would change if it did. */
export interface Verified extends StoredFile {
  readonly identity: string;
}

const count = z.int().check(z.nonnegative());
const texts = z.array(z.string());
const recipeSchema = z.object({
  key: z.string(),
  trees: texts,
  node: z.object({
    hostname: z.string(),
    environment: z.string(),
    groups: texts,
    facts: z.record(z.string(), z.string()),
  }),
});
const aboutSchema = z.object({
  files: count,
  bytes: count,
  trees: texts,
  recipes: z._default(z.array(recipeSchema), []),
});
const sumSchema = z.object({ size: count, sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)) });

/** Files that are made of a view besides its manifest, each with its sum in a file beside it. */
const MADE = {
  archive: { file: 'archive.tar.gz', sum: 'archive.json' },
  packedManifest: { file: 'manifest.gz', sum: 'manifest.gz.json' },
} as const;
export type MadeFile = keyof typeof MADE;

/** Directories: there may be very many. */
const LOOKED_AT_AT_ONCE = 64;

const LARGE = ['manifest', ...Object.values(MADE).map(({ file }) => file)];

/**
 * One directory a view, named by the digest's hex: `manifest`, `about.json`, `archive.tar.gz`, `archive.json`, `manifest.gz`,
 * `manifest.gz.json`, `handed-out`.
 */
export function openShelf(root: string) {
  const pathOf = (digest: Digest, name: string) => join(root, hexOf(digest), name);
  return {
    pathOf,

    /** The digests that have a directory. Removes what killed processes left. None where the shelf cannot be read. */
    async digests(): Promise<Digest[]> {
      const names = await readdir(root).catch(() => []);
      const digests = names.flatMap((name) => parseDigest(`sha256:${name}`) ?? []);
      // A shelf that cannot be written keeps its leftovers; they are in nobody's way.
      const some = pLimit(LOOKED_AT_AT_ONCE);
      const directories = [root, ...digests.map((digest) => join(root, hexOf(digest)))];
      await Promise.all(directories.map((path) => some(() => removeLeftovers(path).catch(() => undefined))));
      return digests;
    },

    /** Undefined where there is none, or it is damaged: it is then written again with the view. */
    async about(digest: Digest): Promise<About | undefined> {
      const about = aboutSchema.safeParse(await readJson(pathOf(digest, 'about.json')));
      if (!about.success) return undefined;
      const { files, bytes, trees, recipes } = about.data;
      return {
        view: { digest, files, bytes },
        trees: trees.flatMap((tree) => parseObjectId(tree) ?? []),
        recipes: recipes.map((recipe) => ({
          ...recipe,
          trees: recipe.trees.flatMap((tree) => parseObjectId(tree) ?? []),
        })),
      };
    },

    async putAbout({ view: { digest, files, bytes }, trees, recipes }: About): Promise<void> {
      const text = `${JSON.stringify({ files, bytes, trees, ...(recipes.length > 0 ? { recipes } : {}) })}\n`;
      await publish(pathOf(digest, 'about.json'), (handle) => handle.writeFile(text));
    },

    async putManifest(digest: Digest, manifest: AsyncIterable<Buffer>): Promise<void> {
      await publish(pathOf(digest, 'manifest'), (handle) => writeFile(handle, manifest));
    },

    /** The manifest, if it is what the digest names. `before` saves reading a file that did not change since. */
    async manifest(digest: Digest, before?: Verified): Promise<Verified | undefined> {
      return verified(pathOf(digest, 'manifest'), hexOf(digest), before);
    },

    /** Publishes a file with the sum that writing it answers. */
    async put(digest: Digest, what: MadeFile, write: (handle: FileHandle) => Promise<Sum>): Promise<void> {
      const { size, sha256 } = await publish(pathOf(digest, MADE[what].file), write);
      const text = `${JSON.stringify({ size, sha256 })}\n`;
      await publish(pathOf(digest, MADE[what].sum), (handle) => handle.writeFile(text));
    },

    /** The file, if it is as it was made. */
    async made(digest: Digest, what: MadeFile, before?: Verified): Promise<Verified | undefined> {
      const sum = sumSchema.safeParse(await readJson(pathOf(digest, MADE[what].sum)));
      return sum.success ? verified(pathOf(digest, MADE[what].file), sum.data.sha256, before) : undefined;
    },

    /** When a view was last handed out, in milliseconds since 1970; undefined where that is not known. */
    async handedOut(digest: Digest): Promise<number | undefined> {
      return modified(pathOf(digest, 'handed-out'));
    },

    /** Costs no room on the disk where the file is already there. */
    async noteHandedOut(digest: Digest, at: number): Promise<void> {
      const path = pathOf(digest, 'handed-out');
      const touch = () => utimes(path, at / 1000, at / 1000);
      await touch().catch(async () => {
        await (await open(path, 'a', 0o600)).close();
        await touch();
      });
    },

    /** Removes the large files and leaves the record. */
    async slim(digest: Digest): Promise<void> {
      // A sum first, so that none is left that speaks of another file.
      const names = [...Object.values(MADE).flatMap(({ file, sum }) => [sum, file]), 'manifest'];
      for (const name of names) await rm(pathOf(digest, name), { force: true });
    },

    /** Bytes of the large files, as far as they are there. */
    async sizeOf(digest: Digest): Promise<number> {
      const sizes = await Promise.all(LARGE.map((name) => sizeAt(pathOf(digest, name))));
      return sizes.reduce((total, size) => total + size, 0);
    },

    /** When a view's manifest was written, in milliseconds since 1970; undefined where there is none. */
    async writtenAt(digest: Digest): Promise<number | undefined> {
      return modified(pathOf(digest, 'manifest'));
    },

    /** Renamed first, so that a kill in the middle leaves no half view. */
    async drop(digest: Digest): Promise<void> {
      const path = join(root, hexOf(digest));
      const temporary = temporaryName(path);
      try {
        await rename(path, temporary);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

export type Shelf = ReturnType<typeof openShelf>;

async function sizeAt(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function modified(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/** A file that is as it was made. `before` saves reading one that did not change since. */
export async function verified(
  path: string,
  sha256: string,
  before: Verified | undefined,
): Promise<Verified | undefined> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    const identity = `${ino} ${size} ${mtimeMs}`;
    if (before?.identity === identity && before.sha256 === sha256) return before;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex') === sha256 ? { path, size, sha256, identity } : undefined;
  } catch {
    // Missing or unreadable alike: whoever asked makes it again, and hears then what is wrong with the disk.
    return undefined;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
