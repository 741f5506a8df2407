import { type Environment, type Hour, hourOf, parseTagName, type TagName } from '../../protocol/names.ts';
import { MARK_STATES, type MarkLine, type MarkState, stops } from './marks.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import { findTag, nearestTag, type Tag } from './tag.ts';
import { linesOf } from './text-lines.ts';
import { oneLine, quoted } from './wording.ts';

type Source = MarkLine['source'];

const PROBLEM_LIMIT = 100;
const MARK = /^\s*(\S+)(?:\s+([^\s#]\S*))?(.*)$/s;

export type LineReading =
  | { readonly kind: 'nothing' }
  /** The first word is no autotag. */
  | { readonly kind: 'misnamed'; readonly word: string }
  | {
      readonly kind: 'mark';
      readonly tag: TagName;
      readonly state: MarkState;
      readonly environments: readonly string[] | null;
      readonly reason: string;
      /** The state as written; undefined where there is none. */
      readonly stateWord: string | undefined;
      /** False where the state is none of the three and therefore counts as bad. */
      readonly understood: boolean;
    };

/** What one line says: `TAG STATE[:ENV[,ENV]] [reason]`. */
export function readLine(text: string): LineReading {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return { kind: 'nothing' };
  const [, word = '', stateWord, rest = ''] = MARK.exec(trimmed) ?? [];
  const tag = parseTagName(word);
  if (tag === undefined) return { kind: 'misnamed', word };
  const [name = '', list] = splitState(stateWord ?? '');
  const state = MARK_STATES.find((known) => known === name.toLowerCase());
  const environments = list === undefined ? null : list === '' ? [] : list.split(',');
  const reason = oneLine(rest.trim().replace(/^#/, ''));
  return { kind: 'mark', tag, state: state ?? 'bad', environments, reason, stateWord, understood: state !== undefined };
}

/** The state and, after a colon, the environments. */
function splitState(word: string): [state: string, environments?: string] {
  const colon = word.indexOf(':');
  return colon === -1 ? [word] : [word.slice(0, colon), word.slice(colon + 1)];
}

export interface TagstateOptions {
  /** Whether the repository's own `tagstate` may also mark tags good. */
  readonly mayApprove?: boolean;
  /** Existing tags, oldest first, so that a problem can name what was meant. */
  readonly tags?: readonly Tag[];
}

/**
 * What a `tagstate` says, and what in it could not be understood. A missing or unknown state counts as bad, so that a typo
 * during an incident does not serve the bad tag. The repository's own file may only stop tags: whoever may commit may not
 * approve their own change.
 */
export function parseTagstate(
  text: string,
  source: Source,
  options: TagstateOptions = {},
): { lines: MarkLine[]; problems: Problem[] } {
  const lines: MarkLine[] = [];
  const problems = problemList(source);
  for (const [index, { text: content }] of linesOf(text).entries()) {
    const line = index + 1;
    const reading = readLine(content);
    if (reading.kind === 'nothing') continue;
    if (reading.kind === 'misnamed') {
      problems.add('no-tag', line, () => misnamed(reading.word, options.tags ?? []));
      continue;
    }
    const { tag, state, environments, reason, stateWord, understood } = reading;
    if (!understood)
      problems.add(stateWord === undefined ? 'no-state' : 'unknown-state', line, () => unclear(tag, stateWord));
    if (source === 'repository' && state === 'good' && options.mayApprove !== true) {
      problems.add('may-not-approve', line, () => mayNotApprove(tag));
      continue;
    }
    lines.push({ tag, state, environments, reason, line, source });
  }
  return { lines, problems: problems.all() };
}

/** The text without a last line that has no line end: somebody may be in the middle of writing it. */
export function withoutUnfinishedLine(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1);
}

export interface TagstateSurroundings {
  readonly environments: ReadonlySet<Environment>;
  /** Existing tags, oldest first. */
  readonly tags: readonly Tag[];
  /** The oldest hour whose tag would still be kept: a mark of an older tag has outlived it and is no problem. */
  readonly retainedSince: Hour;
}

/** What in the lines can only be wrong with regard to the schedule and the tags: unknown environments, tags that don't exist. */
export function tagstateProblems(lines: readonly MarkLine[], surroundings: TagstateSurroundings): Problem[] {
  const { environments, tags, retainedSince } = surroundings;
  const lists = { tagstate: problemList('tagstate'), repository: problemList('repository') };
  for (const mark of lines) {
    const problems = lists[mark.source];
    const unknown = mark.environments?.filter((name) => !(environments as ReadonlySet<string>).has(name));
    if (unknown !== undefined && (unknown.length > 0 || mark.environments?.length === 0))
      problems.add('unknown-environment', mark.line, () => unknownEnvironment(mark, unknown, environments));
    if (hourOf(mark.tag) >= retainedSince && findTag(tags, mark.tag) === undefined)
      problems.add('unknown-tag', mark.line, () => unknownTag(mark, tags));
  }
  return [...lists.tagstate.all(), ...lists.repository.all()];
}

interface Saying {
  readonly severity?: Problem['severity'];
  readonly sentence: string;
  readonly hint: string;
}

/** Collects problems of one file; a file that is no tagstate at all must not fill every status page. */
function problemList(source: Source) {
  const [file, prefix] =
    source === 'tagstate' ? ['tagstate', 'tagstate'] : ['tagstate in the repository', 'repository-tagstate'];
  const problems: Problem[] = [];
  let more = 0;
  return {
    add(kind: string, line: number, say: () => Saying): void {
      if (problems.length >= PROBLEM_LIMIT) {
        more++;
        return;
      }
      const { severity = 'error', sentence, hint } = say();
      problems.push({
        id: `${prefix}:${kind}:${line}`,
        severity,
        sentence: `${file} line ${line}: ${sentence}`,
        hint,
        file,
        line,
      });
    },
    all(): Problem[] {
      if (more === 0) return problems;
      const sentence = `${file}: ${more} more problems, not shown`;
      return [
        ...problems,
        { id: `${prefix}:more`, severity: 'error', sentence, hint: `see whether this is the right file`, file },
      ];
    },
  };
}

function misnamed(word: string, tags: readonly Tag[]): Saying {
  const names = tags.map((tag) => tag.name).reverse();
  const meant = nearest(word, names) ?? names[0];
  return {
    sentence: `${quoted(word)} is no tag (etchautotag-YYYYMMDD-HH00, UTC), so the line marks nothing`,
    hint:
      meant === undefined
        ? 'correct the name, or begin a comment line with #'
        : `was ${meant} meant? A comment line begins with #`,
  };
}

function unclear(tag: TagName, word: string | undefined): Saying {
  return {
    sentence: `${word === undefined ? 'the state is missing' : `${quoted(word)} is no state`}, so ${tag} counts as bad`,
    hint: 'write good, bad or badfwd after the tag',
  };
}

function mayNotApprove(tag: TagName): Saying {
  return {
    severity: 'warning',
    sentence: `${tag} is marked good, which the repository may not do, so the line counts for nothing`,
    hint: "mark it in the base's tagstate, or set tagstate.repository_may_approve: true",
  };
}

function unknownEnvironment(mark: MarkLine, unknown: readonly string[], known: ReadonlySet<Environment>): Saying {
  const [name] = unknown;
  const meant = name === undefined || name === '' ? undefined : nearest(name, known);
  const what =
    name === undefined || name === ''
      ? 'an environment is missing after the colon'
      : `${quoted(name)} is no environment of the schedule`;
  return {
    sentence: `${what}, so ${mark.tag} is ${stops(mark.state) ? `${mark.state} for all` : 'not marked good for it'}`,
    hint: `${meant === undefined ? '' : `was ${meant} meant? `}The environments are ${[...known].join(', ')}`,
  };
}

function unknownTag(mark: MarkLine, tags: readonly Tag[]): Saying {
  const hour = hourOf(mark.tag);
  const nearest = nearestTag(tags, hour)?.name;
  const yet = hour > (tags.at(-1)?.hour ?? -1) ? ' yet' : '';
  return {
    sentence: `there is no tag ${mark.tag}${yet}, so the mark stops and approves nothing${yet}`,
    hint: nearest === undefined ? 'there are no tags at all' : `was ${nearest} meant? It is the nearest existing tag`,
  };
}
