import { Readable } from 'node:stream';
import type { Mode } from '../../../protocol/manifest.ts';
import type { ObjectId, RelativePath } from '../../../protocol/names.ts';
import type { Repository, TreeEntry } from '../../ports/repository.ts';

export type Objects = Pick<Repository, 'entries' | 'blobs'>;

/** Where an entry's content is: in the repository, or made here (a rendered template, the hooks). */
export type Content =
  | { readonly kind: 'blob'; readonly blob: ObjectId }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

/** An entry of a view before its content was looked at. A view is a list of these in the manifest's order. */
export interface ViewEntry {
  readonly path: RelativePath;
  readonly mode: Mode;
  readonly perm?: string;
  readonly owner?: string;
  readonly group?: string;
  readonly content: Content;
}

/** The entries of a tree as they are. */
export function entriesOfTree(entries: readonly TreeEntry[]): ViewEntry[] {
  return entries.map(({ path, mode, blob }) => ({ path, mode, content: { kind: 'blob', blob } }));
}

/**
 * The contents of entries in their order, one at a time: each is to be consumed before the next. Git is asked once for all
 * of them, and ended when the reader stops early.
 */
export async function* readContents<Entry extends Pick<ViewEntry, 'content'>>(
  objects: Pick<Objects, 'blobs'>,
  entries: readonly Entry[],
): AsyncGenerator<{ readonly entry: Entry; readonly content: Readable }> {
  const ids = entries.flatMap(({ content }) => (content.kind === 'blob' ? [content.blob] : []));
  const blobs = ids.length === 0 ? undefined : objects.blobs(ids)[Symbol.asyncIterator]();
  try {
    for (const entry of entries) {
      const { content } = entry;
      if (content.kind === 'bytes') yield { entry, content: Readable.from([content.bytes], { objectMode: false }) };
      else {
        const next = await blobs?.next();
        if (next === undefined || next.done) throw new Error(`the repository gave no content for ${content.blob}`);
        yield { entry, content: next.value.content };
      }
    }
    // What git says at its end is heard: a failure after the last content is one of the repository.
    await blobs?.next();
  } finally {
    await blobs?.return?.();
  }
}
