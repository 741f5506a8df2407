import { type Hostname, hourOf, parseTagName } from '../../protocol/names.ts';
import type { Choice } from './choose.ts';

/** What one node gets, before or after a change. `answer` is a tag, `trunk`, `hold CODE` or `killswitch`. */
export interface NodeAnswer {
  readonly hostname: Hostname;
  readonly wave: string;
  readonly answer: string;
  readonly pinned: boolean;
}

export type Direction = 'forward' | 'back' | 'stops' | 'resumes' | 'changes';

/** Nodes of one wave that move from the same answer to the same answer. */
export interface Move {
  readonly wave: string;
  readonly from: string;
  readonly to: string;
  readonly direction: Direction;
  readonly nodes: readonly Hostname[];
}

export interface Effect {
  /** The largest first. */
  readonly moves: readonly Move[];
  /** Nodes that a pin keeps where they are. */
  readonly pinned: readonly { readonly hostname: Hostname; readonly tag: string }[];
  /** How many nodes keep their answer. */
  readonly staying: number;
}

export function answerOf(choice: Choice): string {
  if (choice.outcome === 'serve') return choice.tag;
  if (choice.outcome === 'hold') return `hold ${choice.hold}`;
  return choice.outcome;
}

/** Who moves from what to what. Both lists hold the same nodes in the same order. */
export function compareAnswers(before: readonly NodeAnswer[], after: readonly NodeAnswer[]): Effect {
  const moves = new Map<string, Move & { nodes: Hostname[] }>();
  const pinned: { hostname: Hostname; tag: string }[] = [];
  let staying = 0;
  for (const [index, now] of after.entries()) {
    const was = before[index];
    if (was === undefined) continue;
    if (was.answer === now.answer) {
      staying += 1;
      if (now.pinned) pinned.push({ hostname: now.hostname, tag: now.answer });
      continue;
    }
    const key = JSON.stringify([now.wave, was.answer, now.answer]);
    const move = moves.get(key) ?? {
      wave: now.wave,
      from: was.answer,
      to: now.answer,
      direction: directionOf(was.answer, now.answer),
      nodes: [],
    };
    move.nodes.push(now.hostname);
    moves.set(key, move);
  }
  return { moves: [...moves.values()].sort((a, b) => b.nodes.length - a.nodes.length), pinned, staying };
}

export function directionOf(from: string, to: string): Direction {
  const [before, after] = [hourOfAnswer(from), hourOfAnswer(to)];
  if (after === undefined) return before === undefined && to !== 'killswitch' ? 'changes' : 'stops';
  if (before === undefined) return 'resumes';
  return after > before ? 'forward' : after < before ? 'back' : 'changes';
}

/** Trunk is ahead of every tag. */
function hourOfAnswer(answer: string): number | undefined {
  if (answer === 'trunk') return Number.POSITIVE_INFINITY;
  const tag = parseTagName(answer);
  return tag === undefined ? undefined : hourOf(tag);
}
