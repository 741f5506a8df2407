import type { ClientRelease } from '../../protocol/release.ts';

/** What runs now. */
export interface OwnBuild {
  readonly version: string;
  readonly sha256: string;
}

export type UpdatePlan =
  | { readonly kind: 'same' }
  /** `isRebuilt`: the version is the same, its content another. */
  | { readonly kind: 'replace'; readonly isRebuilt: boolean }
  /** Only somebody who says so goes back. */
  | { readonly kind: 'older' };

/** What to do about the build that a server lists. */
export function planUpdate(own: OwnBuild, offered: ClientRelease, { force }: { readonly force: boolean }): UpdatePlan {
  if (own.sha256 === offered.sha256) return { kind: 'same' };
  const order = compareVersions(offered.version, own.version);
  return order < 0 && !force ? { kind: 'older' } : { kind: 'replace', isRebuilt: order === 0 };
}

/** Negative where the first version is the older one; as semver.org orders them. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (first.numbers[index] ?? 0) - (second.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  // What is still to become a version is older than it.
  if (first.rest.length === 0 || second.rest.length === 0) return second.rest.length - first.rest.length;
  for (let index = 0; index < Math.max(first.rest.length, second.rest.length); index++) {
    const difference = compareParts(first.rest[index], second.rest[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): { readonly numbers: readonly number[]; readonly rest: readonly string[] } {
  const [, numbers = '', rest] = /^(\d+\.\d+\.\d+)(?:-(.*))?$/.exec(version) ?? [];
  return { numbers: numbers.split('.').map(Number), rest: rest === undefined ? [] : rest.split('.') };
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [isFirstNumber, isSecondNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isFirstNumber && isSecondNumber) return Number(a) - Number(b);
  if (isFirstNumber !== isSecondNumber) return isFirstNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
