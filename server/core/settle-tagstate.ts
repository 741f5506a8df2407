import type { Environment } from '../../protocol/names.ts';
import { groupByTag, type MarkLine, type MarksByTag, stepMarks } from './marks.ts';
import type { FileError, Problem } from './problem.ts';
import type { Look, Sighting } from './settle.ts';
import { parseTagstate, withoutUnfinishedLine } from './tagstate.ts';

/** What was in effect before a look. */
export interface MarksBefore {
  /** Undefined where nothing is known: the first start, or a record of the marks that was lost. */
  readonly inEffect?: MarksByTag;
  /** Why the record of the marks in effect, which there is, cannot be used. */
  readonly doubt?: string;
}

export interface SettledTagstate {
  /** Undefined while it is not known which marks hold: nodes are told to come back. */
  readonly inEffect: MarksByTag | undefined;
  /** Nothing in effect yet, but waiting for the file to settle will help. */
  readonly waiting: boolean;
  readonly problems: readonly Problem[];
  /** Why it cannot be known which marks hold. */
  readonly errors: readonly FileError[];
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
  before: MarksBefore,
  environments: ReadonlySet<Environment>,
): SettledTagstate {
  const { look, settled } = sighting;
  const { inEffect } = before;
  const waiting: SettledTagstate = { inEffect: undefined, waiting: true, problems: [], errors: [], lines: [] };
  if (look.kind === 'absent' && inEffect === undefined && !settled) return waiting;
  const accident = accidentOf(look, before);
  if (accident !== undefined) return untouched(accident, before, settled);
  if (look.kind !== 'text')
    return { inEffect: inEffect ?? new Map(), waiting: false, problems: [], errors: [], lines: [] };
  const { lines, problems } = parseTagstate(settled ? look.text : withoutUnfinishedLine(look.text), 'tagstate');
  if (inEffect === undefined && !settled) return waiting;
  const candidate = groupByTag(lines);
  const next = stepMarks({ inEffect: inEffect ?? new Map(), candidate, settled, environments });
  return { inEffect: next, waiting: false, problems, errors: [], lines };
}

interface Accident {
  readonly id: 'unreadable' | 'gone' | 'empty';
  /** What happened to the file. */
  readonly what: string;
  readonly found: string;
}

/** What a writer, a disk or a slip did to the file, and nobody can have meant; undefined for a file that counts. */
function accidentOf(look: Look, { inEffect, doubt }: MarksBefore): Accident | undefined {
  if (look.kind === 'unreadable')
    return { id: 'unreadable', what: `tagstate cannot be read (${look.why})`, found: look.why };
  const known = (inEffect !== undefined && inEffect.size > 0) || (inEffect === undefined && doubt !== undefined);
  if (!known) return undefined;
  if (look.kind === 'absent') return { id: 'gone', what: 'tagstate is gone', found: 'no file' };
  return look.text.trim() === '' ? { id: 'empty', what: 'tagstate is empty', found: 'an empty file' } : undefined;
}

/** The known marks stay; where none are known, nothing can be decided. An emptied file may only just be being written. */
function untouched({ id, what, found }: Accident, { inEffect, doubt }: MarksBefore, settled: boolean): SettledTagstate {
  const lines: readonly MarkLine[] = [];
  if (id === 'empty' && !settled) return { inEffect, waiting: inEffect === undefined, problems: [], errors: [], lines };
  const problem = (consequence: string): Problem => ({
    id: `tagstate:${id}`,
    severity: 'error',
    sentence: `${what}; ${consequence}`,
    hint: 'put the file back as it was; to clear all marks leave one comment line',
    file: 'tagstate',
  });
  if (inEffect !== undefined)
    return { inEffect, waiting: false, problems: [problem('the known marks stay in effect')], errors: [], lines };
  const expected = doubt === undefined ? 'a readable text file' : `the marks, because ${doubt}`;
  const errors = [{ file: 'tagstate', line: 1, key: '', expected, found }];
  return { inEffect, waiting: false, problems: [problem('no marks are known, so every node holds')], errors, lines };
}
