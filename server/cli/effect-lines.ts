import type { Direction, Effect, Move } from '../core/effect.ts';
import type { Preview } from '../operations/preview.ts';
import { fileLines, sizeText } from './change-lines.ts';
import { plural, someOf } from './terminal.ts';

const VERB: Readonly<Record<Direction, string>> = {
  forward: 'forward',
  back: 'BACK',
  stops: 'stop',
  resumes: 'resume',
  changes: 'change',
};

/** What a change moves, before it is made: by wave, then node by node, and who stays although one might think otherwise. */
export function previewLines(preview: Preview): string[] {
  const waves = preview.waves.filter((wave) => wave.from !== wave.to);
  return [
    ...(waves.length === 0 ? ['By the schedule no wave moves.'] : waves.map(waveLine)),
    ...effectLines(preview),
    ...preview.changes.flatMap((change) => [`Files: ${sizeText(change)}`, ...fileLines(change, FILES)]),
    ...preview.later.map(laterLine),
    ...(preview.advice?.sentences ?? []).map((sentence) => `Advice: ${sentence}`),
    ...preview.unknown.map((sentence) => `Not known: ${sentence}.`),
  ];
}

/** The page and `tagwave-server diff` show all of them. */
const FILES = 5;

function laterLine({ sentence, nodes }: Preview['later'][number]): string {
  return `LATER: ${sentence} (${plural(nodes, 'known node')}).`;
}

function waveLine({ wave, from, to, direction }: Omit<Move, 'nodes'>): string {
  return `${wave}: ${from} → ${to} (${VERB[direction]})`;
}

function effectLines({ moves, pinned, staying }: Effect): string[] {
  const total = moves.reduce((sum, move) => sum + move.nodes.length, 0);
  if (total + staying === 0) return ['No node is known yet.'];
  return [
    `Of ${plural(total + staying, 'known node')} ${total} ${total === 1 ? 'moves' : 'move'}.`,
    ...moves.map(
      (move) =>
        `  ${plural(move.nodes.length, 'node')} of ${move.wave}: ${move.from} → ${move.to} (${VERB[move.direction]}): ${someOf(move.nodes, 5)}`,
    ),
    ...(pinned.length === 0
      ? []
      : [
          `  pinned, and staying: ${someOf(
            pinned.map(({ hostname, tag }) => `${hostname} (${tag})`),
            5,
          )}`,
        ]),
  ];
}
