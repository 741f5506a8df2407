import { PATH_OF_HOOKS } from '../adapters/hooks-file.ts';
import { hasEntry } from '../adapters/releases.ts';
import type { Run } from './converge.ts';
import { matchingHooks, releaseOnDisk, runCommand, setScene } from './hooks.ts';

/** Runs the `clean` hooks of a release that is to go. Answers what went wrong. */
export async function clean(run: Run, name: string): Promise<string | undefined> {
  // Most have no hooks, and need not be read for that.
  if (!hasEntry(run.layout, name, PATH_OF_HOOKS)) return undefined;
  const release = releaseOnDisk(run, name);
  if (release === undefined) return undefined;
  const { digest } = release;
  const paths = release.entries.map(({ path }) => path);
  const set = await setScene({ tag: null, digest, release, previous: undefined }, { all: paths, removed: paths });
  if (set.kind === 'failed') return `cannot clean up after releases/${name}: ${set.failure.sentence}`;
  for (const { hook, index } of await matchingHooks(set.scene)) {
    if (hook.clean === undefined) continue;
    const failure = await runCommand(run, set.scene, { kind: 'clean', hook, index, command: hook.clean });
    if (failure !== undefined)
      return `releases/${name}: ${failure.sentence}${failure.output ? `\n${failure.output}` : ''}`;
  }
  return undefined;
}
