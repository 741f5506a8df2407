import { comparePaths, type ManifestEntry } from '../../protocol/manifest.ts';

/** One path in which two views differ. */
export interface ViewDifference {
  readonly path: string;
  /** Where it was before, where the same content was there. */
  readonly oldPath: string | null;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed' | 'type';
  readonly before: ManifestEntry | undefined;
  readonly after: ManifestEntry | undefined;
}

/** In which paths two views differ, in the manifest's order. What went and came with the same content was renamed. */
export function viewDifferences(
  before: readonly ManifestEntry[],
  after: readonly ManifestEntry[],
): readonly ViewDifference[] {
  const [old, now] = [byPath(before), byPath(after)];
  const gone = new Map<string, ManifestEntry[]>();
  for (const entry of before)
    if (!now.has(entry.path)) gone.set(keyOf(entry), [...(gone.get(keyOf(entry)) ?? []), entry]);
  const found: ViewDifference[] = [];
  const renamed = new Set<string>();
  for (const entry of after) {
    const was = old.get(entry.path);
    const from = was === undefined && entry.size > 0 ? gone.get(keyOf(entry))?.shift() : undefined;
    if (from !== undefined) renamed.add(from.path);
    const difference = differenceOf(was ?? from, entry);
    if (difference !== undefined) found.push(difference);
  }
  for (const entry of before)
    if (!now.has(entry.path) && !renamed.has(entry.path))
      found.push({ path: entry.path, oldPath: null, status: 'deleted', before: entry, after: undefined });
  return found.sort((one, other) => comparePaths(one.path, other.path));
}

function differenceOf(was: ManifestEntry | undefined, now: ManifestEntry): ViewDifference | undefined {
  const { path } = now;
  if (was === undefined) return { path, oldPath: null, status: 'added', before: undefined, after: now };
  const sides = { before: was, after: now };
  if (was.path !== path) return { path, oldPath: was.path, status: 'renamed', ...sides };
  if ((was.mode === '120000') !== (now.mode === '120000')) return { path, oldPath: null, status: 'type', ...sides };
  const isSame = was.sha256 === now.sha256 && attributes(was) === attributes(now);
  return isSame ? undefined : { path, oldPath: null, status: 'modified', ...sides };
}

function byPath(entries: readonly ManifestEntry[]): Map<string, ManifestEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function keyOf(entry: ManifestEntry): string {
  return `${entry.sha256} ${attributes(entry)}`;
}

/** `0440 root adm`, `0644 - -`, `link - -`. */
export function attributes({ mode, perm, owner, group }: ManifestEntry): string {
  const usual = mode === '120000' ? 'link' : mode === '100755' ? '0755' : '0644';
  return [perm ?? usual, owner ?? '-', group ?? '-'].join(' ');
}
