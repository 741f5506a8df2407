import type { Hostname } from '../../protocol/names.ts';
import type { NodeGroups } from './groups.ts';
import type { Killswitch } from './killswitch.ts';
import type { Marks } from './marks.ts';
import type { NodesFile } from './nodes.ts';
import type { Pins } from './pins.ts';
import type { Schedule, Wave } from './schedule.ts';
import type { TagRecord, Trunk } from './tag.ts';

/** Everything that decides which tag a node gets, at one instant. */
export interface World {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Existing tags, broken or not, oldest first. */
  readonly tags: readonly TagRecord[];
  /** Null where nothing was fetched yet. */
  readonly trunk: Trunk | null;
  readonly marks: Marks;
  readonly schedule: Schedule;
  readonly nodes: NodesFile;
  readonly nodeGroups: NodeGroups;
  readonly pins: Pins;
  readonly killswitch: Killswitch;
  /** Which tags a client may ask for. */
  readonly clientTags: 'any' | 'good' | 'none';
}

/** A node whose wave is known. */
export interface PlacedNode {
  readonly hostname: Hostname;
  readonly groups: readonly string[];
  readonly wave: Wave;
}

/** A node of which nobody can say in which wave it is, and why. */
export interface UnplacedNode {
  readonly hostname: Hostname;
  readonly groups: readonly [];
  readonly wave: null;
  readonly failed: string;
}

export type Placed = PlacedNode | UnplacedNode;
