/** One `hours = N`, with for whom. */
export interface Assignment {
  readonly hours: number;
  /** Null for everyone: at the top, or in the `else` of a ladder. */
  readonly groups: readonly string[] | null;
  /** Which `case` or `if` it stands in; 0 for none. */
  readonly block: number;
  /** It counts only where the hours are still the usual ones. */
  readonly onlyDefault: boolean;
}

export type Assignments =
  | { readonly ok: true; readonly assignments: readonly Assignment[] }
  | { readonly ok: false; readonly why: string };

interface Line {
  readonly code: string;
  readonly line: number;
}

/** A `case`, `if`, … that is open. `condition` is of the branch that we are in; null for one without. */
interface Frame {
  readonly id: number;
  readonly word: string;
  condition: string | null;
}

const OPENS = /^(?:[\w@.]+\s*=\s*)?(if|unless|case|while|until|for|def|begin|class|module)\b\s*(.*?)(?:\s+then)?$/;
const OPENS_BLOCK = /\bdo\s*(\|[^|]*\|)?$/;
const BRANCH = /^(when|elsif|else)\b\s*(.*?)(?:\s+then)?$/;
const CONSTANT = /^([A-Z][A-Z0-9_]*)\s*=\s*(\d{1,6})$/;
const SETS = /\bhours\b\s*(?:[-+*/|&]{0,2}=)(?![=~>])/;
const ASSIGNMENT = /^hours\s*=\s*(\d{1,6}|[A-Z][A-Z0-9_]*)(?:\s+if\s+(.*))?$/;
/** Of a list that is called after groups: a host's name may include something, too. */
const INCLUDES = /^([\w@.]*group[\w@.]*(?:\[[^\]]*\])*)\.include\?\(?\s*(['"])([^'"]+)\2\s*\)?$/i;
/** Whether somebody is known at all. */
const GUARD = /^!?\s*[\w@.[\]'":]+\.(?:nil|empty|any)\?$/;

/** Every place where Ruby code sets the variable `hours`, in order; or why one of them cannot be understood. */
export function readAssignments(lines: readonly Line[]): Assignments {
  const frames: Frame[] = [];
  const constants = new Map<string, number>();
  const assignments: Assignment[] = [];
  let blocks = 0;
  for (const { code, line } of lines) {
    const constant = CONSTANT.exec(code);
    if (constant !== null) constants.set(constant[1] ?? '', Number(constant[2]));
    if (SETS.test(code)) {
      // One that ends in "if …" is a ladder of its own.
      const found = assignmentIn(code, { frames, constants, ownBlock: -line });
      if (typeof found === 'string') return { ok: false, why: `line ${line}: ${found}` };
      if (found !== undefined && assignments.some((before) => isSameBranch(before, found)))
        return { ok: false, why: `line ${line}: the hours are set twice in one place` };
      if (found !== undefined) assignments.push(found);
    }
    if (/^end\b/.test(code)) frames.pop();
    else if (BRANCH.test(code)) enterBranch(code, frames.at(-1));
    else blocks = openFrame(code, frames, blocks);
  }
  return { ok: true, assignments };
}

function enterBranch(code: string, frame: Frame | undefined): void {
  const [, word, condition = ''] = BRANCH.exec(code) ?? [];
  if (frame !== undefined) frame.condition = word === 'else' ? null : condition;
}

/** Answers how many there have been. */
function openFrame(code: string, frames: Frame[], blocks: number): number {
  const [, word, condition = ''] = OPENS.exec(code) ?? [];
  const isWhole = /\bend$/.test(code);
  if (isWhole || (word === undefined && !OPENS_BLOCK.test(code))) return blocks;
  frames.push({
    id: blocks + 1,
    word: word ?? 'do',
    condition: word === 'if' ? condition : `${word ?? 'do'} ${condition}`.trim(),
  });
  return blocks + 1;
}

interface Place {
  readonly frames: readonly Frame[];
  readonly constants: ReadonlyMap<string, number>;
  readonly ownBlock: number;
}

/** Undefined for code that never runs. */
function assignmentIn(code: string, { frames, constants, ownBlock }: Place): Assignment | string | undefined {
  const [, value = '', suffix] = ASSIGNMENT.exec(code) ?? [];
  const hours = /^\d/.test(value) ? Number(value) : constants.get(value);
  if (hours === undefined) return 'the hours are set to something that is no number';
  const inner = suffix === undefined ? frames.at(-1) : undefined;
  const outer = suffix === undefined ? frames.slice(0, -1) : frames;
  if (frames.some(({ condition }) => condition === 'false') || suffix === 'false') return undefined;
  const isUsual = (condition: string | null) => /^hours == (\w+)$/.test(condition ?? '');
  const strange = outer.find((frame) => !isUsual(frame.condition) && !isGuard(frame.condition));
  if (strange !== undefined) return `the hours depend on "${strange.condition ?? strange.word}"`;
  const place = {
    hours,
    block: suffix === undefined ? (inner?.id ?? 0) : ownBlock,
    onlyDefault: outer.some(({ condition }) => isUsual(condition)),
  };
  const condition = suffix ?? inner?.condition;
  if (condition === undefined || isGuard(condition)) return { ...place, groups: null };
  if (condition === null) return { ...place, groups: null };
  const groups = groupsIn(condition);
  return groups === undefined ? `the hours depend on "${condition}"` : { ...place, groups };
}

function isSameBranch(a: Assignment, b: Assignment): boolean {
  return a.block !== 0 && a.block === b.block && a.groups?.join() === b.groups?.join();
}

function isGuard(condition: string | null): boolean {
  return condition?.split(/\s*(?:&&|\band\b)\s*/).every((part) => GUARD.test(bare(part))) ?? false;
}

function groupsIn(condition: string): string[] | undefined {
  const groups: string[] = [];
  for (const part of bare(condition).split(/\s*(?:\|\||\bor\b)\s*/)) {
    const [, , , group] = INCLUDES.exec(bare(part)) ?? [];
    if (group === undefined) return undefined;
    groups.push(group);
  }
  return groups;
}

/** Less parentheses around all of it. */
function bare(text: string): string {
  const trimmed = text.trim();
  return /^\([^()]*\)$/.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
}
