import type { ObjectId } from '../../../protocol/names.ts';
import type { Git } from './run.ts';

export const TRUNK = 'refs/tagwave/trunk';
export const TAGS = 'refs/tagwave/tags/';
/** `refs/tagwave/retired/<TAG>/<seconds since 1970 at which it was retired>`. */
export const RETIRED = 'refs/tagwave/retired/';
/** Where a fetch puts what it gets, one name each, until it is known to be wanted. */
export const INCOMING = 'refs/tagwave/incoming/';

/** What a ref names; undefined where it does not exist or names nothing that can be read. */
export async function resolve(git: Git, ref: string): Promise<ObjectId | undefined> {
  try {
    return (await git.objects.info([ref]))[0]?.object;
  } catch {
    return undefined;
  }
}

export interface Ref {
  readonly name: string;
  readonly object: ObjectId;
}

export async function refsBelow(git: Git, prefix: string): Promise<Ref[]> {
  const listing = await git.read(['for-each-ref', '--format=%(refname) %(objectname)', prefix]);
  return parseRefs(listing);
}

export function parseRefs(listing: string): Ref[] {
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const space = line.indexOf(' ');
      return { name: line.slice(0, space), object: line.slice(space + 1) as ObjectId };
    });
}

/** An instant (milliseconds since 1970) as git takes it from us, whatever the year. */
export function gitDate(at: number): string {
  return `@${Math.floor(at / 1000)} +0000`;
}
