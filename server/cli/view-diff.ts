import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { attributes } from '../core/view-difference.ts';
import type { PreviewedView } from '../ports/content.ts';

/** How a view differs from another one, path by path. */
export interface Difference {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** What a person reads: a unified diff, or words where it is no text. */
  readonly text: string;
}

interface Sides {
  readonly from: PreviewedView;
  readonly to: PreviewedView;
}

/** The paths in which two views differ, in their order. */
export async function differences({ from, to }: Sides): Promise<Difference[]> {
  const [before, after] = [byPath(from), byPath(to)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  const found: Difference[] = [];
  for (const path of paths) {
    const [old, now] = [before.get(path), after.get(path)];
    if (old !== undefined && now !== undefined && attributes(old) === attributes(now) && old.sha256 === now.sha256)
      continue;
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    const [a, b] = [old && (await from.content(path)), now && (await to.content(path))];
    found.push({ path, kind, text: [...wordsFor({ path, old, now }), ...contentDiff(path, a, b)].join('\n') });
  }
  return found;
}

function byPath({ entries }: PreviewedView): Map<string, ManifestEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function wordsFor({
  path,
  old,
  now,
}: {
  path: string;
  old?: ManifestEntry | undefined;
  now?: ManifestEntry | undefined;
}) {
  if (old === undefined) return [`added ${path} (${now === undefined ? '' : attributes(now)})`];
  if (now === undefined) return [`removed ${path}`];
  const [before, after] = [attributes(old), attributes(now)];
  return [before === after ? `changed ${path}` : `changed ${path} (${before} → ${after})`];
}

function contentDiff(path: string, before: Buffer | undefined, after: Buffer | undefined): string[] {
  if (before !== undefined && after !== undefined && before.equals(after)) return [];
  const [old, now] = [textOf(before), textOf(after)];
  if (old === undefined || now === undefined)
    return [`  binary: ${before?.length ?? 0} bytes → ${after?.length ?? 0} bytes`];
  const names = [
    before === undefined ? '/dev/null' : `a/${path}`,
    after === undefined ? '/dev/null' : `b/${path}`,
  ] as const;
  const patch = createTwoFilesPatch(...names, old, now, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
  return [patch.trimEnd()];
}

/** Undefined for bytes that are no text. */
function textOf(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return '';
  const text = bytes.toString('utf8');
  return text.includes('\0') || !Buffer.from(text).equals(bytes) ? undefined : text;
}
