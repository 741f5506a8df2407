import type { EventKind } from '../../../core/event.ts';
import { joinList, splitList } from '../parts/list.ts';

type Group = 'Controls' | 'Train' | 'Access' | 'Server' | 'Nodes';

const GROUP_OF: Readonly<Record<EventKind, Group>> = {
  mark: 'Controls',
  kill: 'Controls',
  resume: 'Controls',
  pin: 'Controls',
  'control-file': 'Controls',
  setting: 'Controls',
  'tag-created': 'Train',
  'tag-pruned': 'Train',
  'wave-arrived': 'Train',
  'failure-spike': 'Train',
  fetch: 'Train',
  'problem-raised': 'Server',
  'problem-cleared': 'Server',
  server: 'Server',
  prune: 'Server',
  login: 'Access',
  refusal: 'Access',
  token: 'Access',
  enrolment: 'Access',
  approval: 'Access',
  assignment: 'Nodes',
  report: 'Nodes',
};

export const KINDS = Object.keys(GROUP_OF) as readonly EventKind[];
export const GROUPS: readonly Group[] = ['Controls', 'Train', 'Server', 'Access', 'Nodes'];
/** What each node was told and did would bury the rest. */
const AT_FIRST = KINDS.filter((kind) => GROUP_OF[kind] !== 'Nodes');

export function kindsOf(group: Group): readonly EventKind[] {
  return KINDS.filter((kind) => GROUP_OF[kind] === group);
}

/** From `kinds=` of the URL: those that somebody chose. */
export function chosenKinds(text: string | undefined): readonly EventKind[] {
  const words = splitList(text);
  return text === 'all' ? KINDS : KINDS.filter((kind) => words.includes(kind));
}

/** Where none is chosen: all that matter; of one subject everything. */
export function shownKinds(chosen: readonly EventKind[], subject: string | undefined): readonly EventKind[] {
  if (chosen.length > 0) return chosen;
  return subject === undefined ? AT_FIRST : KINDS;
}

/** For the URL. */
export function kindsText(chosen: readonly EventKind[]): string | undefined {
  if (chosen.length === 0) return undefined;
  return chosen.length === KINDS.length ? 'all' : joinList(chosen);
}
