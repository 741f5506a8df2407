import type { Environment, TagName } from '../../protocol/names.ts';
import { groupByTag, type MarkLine, stepMarks } from './marks.ts';
import type { Problem } from './problem.ts';
import type { Sighting } from './settle.ts';
import { parseTagstate, withoutUnfinishedLine } from './tagstate.ts';

export type MarksByTag = ReadonlyMap<TagName, readonly MarkLine[]>;

export interface SettledTagstate {
  /** Undefined while it is not known which marks hold: nodes are told to come back. */
  readonly inEffect: MarksByTag | undefined;
  readonly waiting: boolean;
  readonly problems: readonly Problem[];
  /** The lines as the file has them now, for problems that need to know the tags. */
  readonly lines: readonly MarkLine[];
}

/**
 * The marks in effect after a look at `tagstate`. A mark that stops a tag holds at once, even while an editor is still
 * writing; whatever lets a tag go again waits until the file is settled, and an accident (gone, emptied, unreadable)
 * changes nothing.
 */
export function settleTagstate(
  sighting: Sighting,
  inEffect: MarksByTag | undefined,
  environments: ReadonlySet<Environment>,
): SettledTagstate {
  const { look, settled } = sighting;
  const known = inEffect !== undefined && inEffect.size > 0;
  if (look.kind === 'unreadable') {
    const stays = inEffect === undefined ? 'no marks are known, so every node holds' : 'the known marks stay in effect';
    return {
      inEffect,
      waiting: false,
      problems: [trouble('unreadable', `tagstate cannot be read (${look.why}); ${stays}`)],
      lines: [],
    };
  }
  if (look.kind === 'absent') {
    const problems = known ? [trouble('gone', 'tagstate is gone; the known marks stay in effect')] : [];
    return { inEffect: inEffect ?? new Map(), waiting: false, problems, lines: [] };
  }
  if (known && look.text.trim() === '') {
    const problems = settled ? [trouble('empty', 'tagstate is empty; the known marks stay in effect')] : [];
    return { inEffect, waiting: false, problems, lines: [] };
  }
  const { lines, problems } = parseTagstate(settled ? look.text : withoutUnfinishedLine(look.text), 'tagstate');
  if (inEffect === undefined && !settled) return { inEffect, waiting: true, problems, lines };
  const candidate = groupByTag(lines);
  return {
    inEffect: stepMarks({ inEffect: inEffect ?? new Map(), candidate, settled, environments }),
    waiting: false,
    problems,
    lines,
  };
}

function trouble(id: string, sentence: string): Problem {
  return {
    id: `tagstate:${id}`,
    severity: 'error',
    sentence,
    hint: 'put the file back as it was; to clear all marks leave one comment line',
    file: 'tagstate',
  };
}
