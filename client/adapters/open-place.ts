import type { Place } from '../core/place.ts';
import { openRootPlace } from '../in-place/root-place.ts';
import type { Layout } from './layout.ts';
import { openReleasePlace } from './release-place.ts';

/** `root`: the tree that releases are put onto; undefined where they are used as they are staged. */
export function openPlace(layout: Layout, root: string | undefined): Place {
  return root === undefined ? openReleasePlace(layout) : openRootPlace(layout, root);
}
