import type { ManifestEntry } from '../../protocol/manifest.ts';

export interface Attributes {
  /** The lowest twelve bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What stands at a path of the tree; undefined stands for nothing. */
export type Found =
  /** `sha256`: null where nobody needs to know, as nothing that Tagwave wrote was ever there. */
  | ({ readonly kind: 'file'; readonly size: number; readonly sha256: string | null } & Attributes)
  | ({ readonly kind: 'link'; readonly target: string; readonly sha256: string } & Attributes)
  /** `names`: null where nobody needs to know what is in it. */
  | ({ readonly kind: 'directory'; readonly names: readonly string[] | null } & Attributes)
  | { readonly kind: 'other'; readonly what: string };

/** What of a manifest's entry counts here. */
export interface Content extends Pick<ManifestEntry, 'mode' | 'size' | 'sha256'> {
  readonly path: string;
}

/** An entry as this host is to have it: with its mode, and its owner and group as numbers. */
export interface Wanted extends Attributes {
  readonly entry: Content;
}

/** In what respect something is not as an entry says. */
export type Difference = 'missing' | 'type' | 'content' | 'mode' | 'owner';

export function differencesOf(found: Found | undefined, { entry, mode, uid, gid }: Wanted): readonly Difference[] {
  if (found === undefined) return ['missing'];
  if (found.kind !== (entry.mode === '120000' ? 'link' : 'file')) return ['type'];
  const differences: Difference[] = [];
  if (found.sha256 !== entry.sha256) differences.push('content');
  if (found.kind === 'file' && found.mode !== mode) differences.push('mode');
  if (found.uid !== uid || found.gid !== gid) differences.push('owner');
  return differences;
}

/** What stood at a path before Tagwave first replaced it. */
export type Original =
  /** `store`: the name of its copy below originals/. */
  | ({ readonly kind: 'file' | 'link'; readonly store: string; readonly keptAt: string } & Attributes)
  | ({ readonly kind: 'directory'; readonly keptAt: string } & Attributes);

/** What a path becomes; null stands for nothing. */
export type After =
  | ({ readonly kind: 'entry' } & Wanted)
  /** `isKept`: it stays among the originals too, so that the tree gets a copy. */
  | ({ readonly kind: 'original'; readonly store: string; readonly isKept: boolean } & Attributes)
  | ({ readonly kind: 'directory' } & Attributes);

/** What a path was; null stands for nothing. */
export type Before = ({ readonly kind: 'file' | 'link' | 'directory' } & Attributes) | null;

export interface Change {
  readonly path: string;
  readonly before: Before;
  readonly after: After | null;
  /** Below originals/: where what was there is kept for the day that the path leaves the view. */
  readonly keepAs: string | null;
}

/** `''` is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** The directories that a path is in, outermost first, without the root. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    ancestors.push(path.slice(0, slash));
  return ancestors;
}
