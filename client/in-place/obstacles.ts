import { join } from 'node:path';
import { quoted } from '../core/checklist.ts';
import type { Failure } from '../core/failure.ts';

/** Why a view cannot be put onto a tree: each names what stands in the way, and what to do about it. */

export function linkInTheWay(root: string, path: string, { target }: { readonly target: string }): Failure {
  const link = join(root, path);
  return {
    sentence: `${link} is a symbolic link to ${quoted(target)}, and the view has files below it: nothing is ever written through a link`,
    hint: `Let the repository have these files where the link points, or make ${link} a directory. Nothing was touched.`,
  };
}

export function otherInTheWay(root: string, path: string, what: string): Failure {
  const place = join(root, path);
  return {
    sentence: `${place} is a ${what}, and only files, links and directories are ever replaced`,
    hint: `Move it away, or take ${path} out of the repository. Nothing was touched.`,
  };
}

export function directoryInTheWay(root: string, path: string, inside: string): Failure {
  const directory = join(root, path);
  const what = inside === path ? 'more than can be looked through' : quoted(join(root, inside));
  return {
    sentence: `${directory} is a directory with ${what}, which is not Tagwave's, and the view has a file of that name`,
    hint: 'Move away what is in it, or take the file out of the repository. Nothing was touched.',
  };
}

export function insideTarget(path: string, target: string): Failure {
  return {
    sentence: `the view has ${quoted(path)}, which lies in ${target}, where Tagwave keeps its own files`,
    hint: 'Take it out of the repository, or give another directory with --target. Nothing was touched.',
  };
}

/** What chattr(1) does holds for root too. */
export const UNCHANGEABLE_HINT =
  "'lsattr -d' tells, 'chattr -ia' makes it changeable; the next run tries again. What is in use was not touched.";

export function unchangeable(path: string): Failure {
  return { sentence: `${path} is immutable or append-only`, hint: UNCHANGEABLE_HINT };
}

/** Several at once, as one: operators mend them in one go. */
export function asOne(obstacles: readonly Failure[]): Failure | undefined {
  const [first] = obstacles;
  if (first === undefined || obstacles.length === 1) return first;
  const SHOWN = 5;
  const shown = obstacles.slice(0, SHOWN).map(({ sentence }) => sentence);
  if (obstacles.length > SHOWN) shown.push(`and ${obstacles.length - SHOWN} more`);
  return { sentence: shown.join('\n'), hint: first.hint };
}
