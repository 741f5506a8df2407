import type { Hook, HookCommand, HooksFile } from '../../protocol/hooks.ts';
import { pathGlob } from '../../protocol/path-globs.ts';
import type { PlannedRun } from './state.ts';

/** What is different from what is in use to a release, by path. */
export interface ChangedPaths {
  /** Added, changed or removed. */
  readonly all: readonly string[];
  readonly removed: readonly string[];
}

/** The hooks that are for a change of these paths, with their place in the file: those without `when` are for each. */
export function matching(hooks: readonly Hook[], paths: readonly string[]): { hook: Hook; index: number }[] {
  return hooks
    .map((hook, index) => ({ hook, index }))
    .filter(({ hook }) => hook.when === undefined || isAmong(hook.when, paths));
}

function isAmong(globs: readonly string[], paths: readonly string[]): boolean {
  return globs.some((glob) => {
    const matches = pathGlob(glob);
    return matches !== undefined && paths.some(matches);
  });
}

/**
 * The commands to run after an activation, each once, in the order of the file; then those of the release before that the
 * new one no longer has, for paths that were removed: whoever had read these files has to learn that they are gone.
 */
export function planRuns(hooks: HooksFile, oldHooks: HooksFile, { all, removed }: ChangedPaths): PlannedRun[] {
  const planned: PlannedRun[] = [];
  const commands = new Set<string>();
  const add = (of: PlannedRun['of'], index: number, command: HookCommand | undefined): void => {
    const text = JSON.stringify(command);
    if (command === undefined || commands.has(text)) return;
    commands.add(text);
    planned.push({ of, index });
  };
  for (const { hook, index } of matching(hooks.hooks, all)) add('new', index, hook.run);
  for (const { hook, index } of matching(oldHooks.hooks, removed))
    if (hook.when !== undefined) add('old', index, hook.run);
  return planned;
}
