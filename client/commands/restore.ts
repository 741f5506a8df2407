import { layoutOf } from '../adapters/layout.ts';
import { takeLock } from '../adapters/lock.ts';
import { openPlace } from '../adapters/open-place.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import { octal } from '../core/unified.ts';
import { type Site, siteOf } from '../in-place/activation.ts';
import { originalsOf, pathInTree, type Restored, restore } from '../in-place/restore.ts';
import { readLedger } from '../in-place/storage.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface RestoreContext {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly own: OwnFlags;
  readonly words: readonly string[];
}

const FAILED = 1;
const USAGE = 2;
const BUSY = 5;

/** Puts an original back, or lists them. Answers the exit code. */
export async function restoreCommand({ settings, terminal, own, words }: RestoreContext): Promise<number> {
  const layout = layoutOf(settings.target);
  const tell = ({ sentence, hint }: Failure): void => {
    if (settings.json) terminal.json({ outcome: 'failed', sentence, hint });
    else terminal.err(`tagwave: ${sentence}\n  ${hint}`);
  };
  try {
    const root = readLedger(siteOf(layout, '/').storage)?.root ?? settings.root ?? '/';
    const site = siteOf(layout, root);
    if (own['list'] === true) return list(site, settings, terminal);
    const path = pathInTree(root, words[0] ?? '');
    if (path === undefined) {
      const sentence = words[0] === undefined ? 'no path is given' : `${words[0]} is not below ${root}`;
      tell({ sentence, hint: "Give one that 'tagwave restore --list' shows." });
      return USAGE;
    }
    const lock = takeLock(layout.lock);
    if (lock.kind !== 'taken') {
      tell(lock.failure);
      return lock.kind === 'busy' ? BUSY : FAILED;
    }
    try {
      const { told, failure } = await openPlace(layout, root).recover();
      for (const sentence of told) terminal.err(`tagwave: ${sentence}`);
      if (failure === undefined) return show(site, await restore(site, path), { settings, terminal });
      tell(failure);
      return FAILED;
    } finally {
      lock.release();
    }
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    tell(failure);
    return FAILED;
  }
}

function list(site: Site, { json }: Settings, terminal: Terminal): number {
  const originals = originalsOf(site);
  if (json) terminal.json({ root: site.root, originals });
  else if (originals.length === 0) terminal.out('nothing is kept: nothing stood where the release has its files');
  else
    for (const { path, kind, mode, uid, gid, keptAt } of originals)
      terminal.out(`${kind.padEnd(9)} ${octal(mode)} ${`${uid}:${gid}`.padEnd(11)} since ${keptAt}  ${path}`);
  return 0;
}

function show(
  { root }: Site,
  restored: Restored,
  { settings, terminal }: Pick<RestoreContext, 'settings' | 'terminal'>,
): number {
  const { path, keptAt, isOfRelease, kept } = restored;
  if (settings.json) {
    terminal.json({ outcome: 'restored', root, ...restored });
    return 0;
  }
  terminal.out(`${path} is what it was before Tagwave replaced it at ${keptAt}`);
  if (kept !== undefined) terminal.out(`  What stood there was not the release's: it is kept as ${kept}.`);
  if (isOfRelease)
    terminal.out(
      `  The release in use has this path: the next run puts its file there again. While ${settings.disableFile} exists, none does.`,
    );
  return 0;
}
