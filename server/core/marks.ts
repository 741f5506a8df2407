import * as z from 'zod';
import { type Environment, parseTagName, type TagName } from '../../protocol/names.ts';

export const MARK_STATES = ['good', 'bad', 'badfwd'] as const;
export type MarkState = (typeof MARK_STATES)[number];

/** One line of `tagstate` as it was understood. */
export interface MarkLine {
  readonly tag: TagName;
  readonly state: MarkState;
  /** Environment names as written, possibly unknown; null = no colon, the mark is for all. Empty = a colon and nothing. */
  readonly environments: readonly string[] | null;
  readonly reason: string;
  /** 1-based. */
  readonly line: number;
  readonly source: 'tagstate' | 'repository';
}

/** A tag's state in one environment. */
export interface Mark {
  readonly state: MarkState;
  readonly reason: string;
  readonly line: number;
  readonly source: 'tagstate' | 'repository';
}

/** Per tag its lines in file order. */
export type MarksByTag = ReadonlyMap<TagName, readonly MarkLine[]>;

/** The marks in effect, the base's and the repository's apart; the base's win. */
export interface Marks {
  readonly base: MarksByTag;
  readonly repository: MarksByTag;
  /** The environments of the schedule; a name that is not among them is unknown. */
  readonly environments: ReadonlySet<Environment>;
}

export function groupByTag(lines: Iterable<MarkLine>): Map<TagName, MarkLine[]> {
  const groups = new Map<TagName, MarkLine[]>();
  for (const line of lines) {
    const group = groups.get(line.tag);
    if (group) group.push(line);
    else groups.set(line.tag, [line]);
  }
  return groups;
}

/** Whether a state keeps a tag from being served. */
export function stops(state: MarkState | undefined): boolean {
  return state === 'bad' || state === 'badfwd';
}

/**
 * Whether a line counts for an environment. A misspelt environment must not serve a bad tag and must not approve one: after
 * `bad` and `badfwd` an unknown or missing name counts for all, after `good` for none.
 */
export function appliesTo(
  line: Pick<MarkLine, 'state' | 'environments'>,
  environment: string,
  known: ReadonlySet<string>,
): boolean {
  const { environments } = line;
  if (environments === null || environments.includes(environment)) return true;
  return stops(line.state) && (environments.length === 0 || !environments.every((name) => known.has(name)));
}

/** The last line that counts for an environment. */
export function lineFor(
  lines: readonly MarkLine[] | undefined,
  environment: string,
  known: ReadonlySet<string>,
): MarkLine | undefined {
  return lines?.findLast((line) => appliesTo(line, environment, known));
}

/** What a tag is marked for an environment; the base's marks beat the repository's, tag by tag and environment by environment. */
export function markOf(marks: Marks, tag: TagName, environment: string): Mark | undefined {
  const { base, repository, environments } = marks;
  return lineFor(base.get(tag), environment, environments) ?? lineFor(repository.get(tag), environment, environments);
}

/** `etchautotag-20261120-0800 is bad: "broke ntp" (tagstate line 12)`, or that it is unmarked. */
export function describeMark(tag: TagName, mark: Mark | undefined): string {
  if (mark === undefined) return `${tag} is unmarked`;
  const reason = mark.reason === '' ? '' : `: ${JSON.stringify(mark.reason)}`;
  return `${tag} is ${mark.state}${reason} (${whereOf(mark)})`;
}

/** `tagstate line 12`. */
export function whereOf(mark: { readonly line: number; readonly source: Mark['source'] }): string {
  return mark.source === 'tagstate' ? `tagstate line ${mark.line}` : `tagstate in the repository, line ${mark.line}`;
}

export interface MarksStep {
  readonly inEffect: MarksByTag;
  /** What the file says now. */
  readonly candidate: MarksByTag;
  /** Whether the file has been unchanged long enough that nobody can be in the middle of writing it. */
  readonly settled: boolean;
  readonly environments: ReadonlySet<string>;
}

/**
 * The base's marks that are in effect after a look at the file. What stops a tag (unmarked or good → bad or badfwd) counts at
 * once, tag by tag and environment by environment; every other change waits until the file is settled, because a file that
 * is being rewritten says too little for a moment. Answers `inEffect` itself where nothing changes.
 */
export function stepMarks(step: MarksStep): MarksByTag {
  const { inEffect, candidate, settled } = step;
  if (settled) return sameMarks(inEffect, candidate) ? inEffect : candidate;
  let next: Map<TagName, readonly MarkLine[]> | undefined;
  for (const [tag, lines] of candidate) {
    const added = newStops(inEffect.get(tag) ?? [], lines, step.environments);
    if (added.length === 0) continue;
    next ??= new Map(inEffect);
    next.set(tag, [...(inEffect.get(tag) ?? []), ...added]);
  }
  return next ?? inEffect;
}

/** The lines of a tag that stop it where it was not stopped, cut down to the environments in which that is new. */
function newStops(before: readonly MarkLine[], now: readonly MarkLine[], known: ReadonlySet<string>): MarkLine[] {
  const stopped = new Map<MarkLine, string[]>();
  for (const environment of known) {
    const line = lineFor(now, environment, known);
    if (line === undefined || !stops(line.state) || stops(lineFor(before, environment, known)?.state)) continue;
    stopped.set(line, [...(stopped.get(line) ?? []), environment]);
  }
  return Array.from(stopped, ([line, environments]) =>
    environments.length === known.size ? line : { ...line, environments },
  );
}

/** Whether two sets of marks have the same lines of the same tags, in the same order within a tag. */
export function sameMarks(one: MarksByTag, other: MarksByTag): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  for (const [tag, lines] of one) {
    const others = other.get(tag);
    if (others?.length !== lines.length || JSON.stringify(lines) !== JSON.stringify(others)) return false;
  }
  return true;
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  marks: z.array(
    z.strictObject({
      tag: z.string().transform((text, context): TagName => {
        const tag = parseTagName(text);
        if (tag !== undefined) return tag;
        context.addIssue({ code: 'custom', message: 'expected an autotag' });
        return z.NEVER;
      }),
      state: z.enum(MARK_STATES),
      environments: z.array(z.string()).nullable(),
      reason: z.string(),
      line: z.int().positive(),
      source: z.enum(['tagstate', 'repository']),
    }),
  ),
});

/** The marks as a JSON file that a person can read, ended by a line end. */
export function marksToJson(marks: MarksByTag): string {
  const lines = [...marks.values()].flat().map((line) => `  ${JSON.stringify(line)}`);
  return `{"version": 1, "marks": [\n${lines.join(',\n')}\n]}\n`;
}

/** Reads what `marksToJson` wrote. `sentence` says what is wrong with anything else. */
export function marksFromJson(
  text: string,
): { readonly ok: true; readonly marks: MarksByTag } | { readonly ok: false; readonly sentence: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      ok: false,
      sentence: `the marks in effect are no JSON: ${error instanceof Error ? error.message : error}`,
    };
  }
  const read = fileSchema.safeParse(value);
  if (read.success) return { ok: true, marks: groupByTag(read.data.marks) };
  const [issue] = read.error.issues;
  return {
    ok: false,
    sentence: `the marks in effect are not as they were written: ${issue?.path.join('.')}: ${issue?.message}`,
  };
}
