import type { EventKind } from '../../../core/event.ts';
import { joinList, splitList } from '../parts/list.ts';

type Group = 'Controls' | 'Tags' | 'Access' | 'Server' | 'Nodes';

const GROUP_OF: Readonly<Record<EventKind, Group>> = {
  mark: 'Controls',
  kill: 'Controls',
  resume: 'Controls',
  pin: 'Controls',
  'control-file': 'Controls',
  setting: 'Controls',
  'tag-created': 'Tags',
  'tag-pruned': 'Tags',
  fetch: 'Tags',
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
export const GROUPS: readonly Group[] = ['Controls', 'Tags', 'Server', 'Access', 'Nodes'];
/** What each node was told and did would bury the rest. */
const AT_FIRST = KINDS.filter((kind) => GROUP_OF[kind] !== 'Nodes');

export function kindsOf(group: Group): readonly EventKind[] {
  return KINDS.filter((kind) => GROUP_OF[kind] === group);
}

/** From `kinds=` of the URL; of one subject everything is shown where nothing is said. */
export function chosenKinds(text: string | undefined, subject: string | undefined): readonly EventKind[] {
  if (text === undefined) return subject === undefined ? AT_FIRST : KINDS;
  if (text === 'all') return KINDS;
  const words = splitList(text);
  return KINDS.filter((kind) => words.includes(kind));
}

/** The other way round; undefined where it is what is shown at first. */
export function kindsText(kinds: readonly EventKind[], subject: string | undefined): string | undefined {
  const text = kinds.length === KINDS.length ? 'all' : joinList(kinds.length === 0 ? ['none'] : kinds);
  const isUsual = kinds.join() === chosenKinds(undefined, subject).join();
  return isUsual ? undefined : text;
}
