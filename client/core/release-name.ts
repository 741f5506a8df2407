import { type Digest, hexOf, parseDigest } from '../../protocol/names.ts';

/**
 * A release is named by the first 16 hex digits of its digest. A number follows only where `current` has that name already and
 * what is there is damaged or gone: it must stay as it is until `current` points elsewhere.
 */
const NAME = /^([0-9a-f]{16})(\.[1-9]\d{0,3})?$/;

export function isReleaseName(name: string): boolean {
  return NAME.test(name);
}

export function releaseNameOf(digest: Digest, number = 0): string {
  return `${hexOf(digest).slice(0, 16)}${number === 0 ? '' : `.${number}`}`;
}

/** Whether a release of this name can hold the view of this digest. */
export function isNameOf(name: string, digest: Digest): boolean {
  return NAME.exec(name)?.[1] === releaseNameOf(digest) && parseDigest(digest) !== undefined;
}
