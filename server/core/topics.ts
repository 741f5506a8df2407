import type { Topic } from '../../protocol/api/train.ts';
import type { EventKind } from './event.ts';

const CONTROLS: readonly Topic[] = ['map', 'nodes', 'tags', 'settings', 'events'];
/** What a node is told or says changes the lists of nodes, and how many there are with each tag. */
const OF_NODES: readonly Topic[] = ['map', 'nodes', 'tags', 'events'];

/** What is to be asked for again after an event of each kind; of all others, the events. */
const BY_KIND: Readonly<Partial<Record<EventKind, readonly Topic[]>>> = {
  mark: ['map', 'nodes', 'tags', 'events'],
  kill: ['killswitch', 'map', 'nodes', 'events'],
  resume: ['killswitch', 'map', 'nodes', 'events'],
  pin: ['nodes', 'events'],
  setting: CONTROLS,
  'control-file': CONTROLS,
  'tag-created': ['map', 'tags', 'nodes', 'events'],
  'tag-pruned': ['map', 'tags', 'events'],
  fetch: ['tags', 'events'],
  assignment: OF_NODES,
  'failure-spike': ['events'],
  'wave-arrived': ['events'],
  report: OF_NODES,
  'problem-raised': ['problems', 'map', 'events'],
  'problem-cleared': ['problems', 'map', 'events'],
};

export function topicsOf(kind: EventKind): readonly Topic[] {
  return BY_KIND[kind] ?? ['events'];
}
