import { lstatSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Failure, systemFailure } from '../core/failure.ts';

/** Where things are below the target directory. */
export interface Layout {
  readonly root: string;
  /** Whole releases, and what is being staged under names that begin with a dot. */
  readonly releases: string;
  /** The manifest of each release, under the release's name. */
  readonly manifests: string;
  /** How files looked when they were last found right. May be lost. */
  readonly seen: string;
  /** The beginning of a download that was cut off. May be lost. */
  readonly downloads: string;
  /** The link to the release in use. */
  readonly current: string;
  readonly state: string;
  readonly lock: string;
  /** Which hook is running. */
  readonly hook: string;
  /** What this host shows to servers, unless the settings name another file; and what is to take its place. */
  readonly token: string;
  readonly nextToken: string;
}

export function layoutOf(target: string): Layout {
  const root = resolve(target);
  return {
    root,
    releases: join(root, 'releases'),
    manifests: join(root, 'manifests'),
    seen: join(root, 'seen'),
    downloads: join(root, 'downloads'),
    current: join(root, 'current'),
    state: join(root, 'state.json'),
    lock: join(root, '.lock'),
    hook: join(root, '.hook'),
    token: join(root, 'token'),
    nextToken: join(root, 'token.next'),
  };
}

/**
 * Makes the directories that are missing. What stands in their place and is no directory, a link included, is not touched.
 * Answers why it cannot be done, or undefined.
 */
export function prepare(layout: Layout): Failure | undefined {
  try {
    mkdirSync(layout.root, { recursive: true, mode: 0o755 });
    for (const directory of [layout.releases, layout.manifests]) {
      const stats = lstatSync(directory, { throwIfNoEntry: false });
      if (stats === undefined) mkdirSync(directory, 0o755);
      else if (!stats.isDirectory())
        return { sentence: `${directory} is no directory`, hint: 'Move it away; the next run makes the directory.' };
    }
    return undefined;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return failure;
  }
}
