import type { TagName } from '../../protocol/names.ts';
import { type MarkLine, whereOf } from './marks.ts';
import type { Problem } from './problem.ts';
import type { Wave } from './schedule.ts';
import { oneLine } from './wording.ts';

/** How many nodes of a wave have to fail until the server marks a tag bad by itself. Where both are given, both must hold. */
export interface HaltAfter {
  /** Distinct nodes, at least 1. */
  readonly failed: number | null;
  /** Share of the wave's known nodes, above 0, at most 100. */
  readonly percent: number | null;
}

/** What the nodes of one wave have reported of a tag, each node by its last word. */
export interface FailureCount {
  readonly failed: number;
  readonly rolledBack: number;
}

/** `known`: how many nodes the wave has, those that failed among them. */
export function haltReached({ failed, percent }: HaltAfter, count: FailureCount, known: number): boolean {
  const nodes = count.failed + count.rolledBack;
  if (nodes === 0) return false;
  return (failed === null || nodes >= failed) && (percent === null || nodes * 100 >= percent * known);
}

/** `3 of 5 in qa rolled back`. */
export function describeFailures(count: FailureCount, { known, label }: { known: number; label: string }): string {
  const nodes = count.failed + count.rolledBack;
  return `${nodes} of ${Math.max(known, nodes)} in ${label} ${failureWords(count)}`;
}

/** What happened to so many: `failed`, `rolled back`, or where it was not the same for all, both. */
export function failureWords({ failed, rolledBack }: FailureCount): string {
  if (rolledBack === 0) return 'failed';
  return failed === 0 ? 'rolled back' : 'failed or rolled back';
}

/** What people call a wave: its environment, or its name where several waves share the environment. */
export function waveLabel(waves: readonly Pick<Wave, 'name' | 'environment'>[], wave: (typeof waves)[number]): string {
  const shared = waves.filter(({ environment }) => environment === wave.environment).length > 1;
  return shared ? wave.name : wave.environment;
}

/** The reason of a mark that the server makes by itself, by which it is recognised ever after. */
export function haltReason(what: string): string {
  return oneLine(`auto: ${what}`);
}

const AUTOMATIC = /^auto: (\d+ of \d+ in .+ (?:failed|rolled back))$/;

/** What a mark of the server's own says happened; undefined for a line that a person wrote or changed. */
export function automaticHalt(line: Pick<MarkLine, 'state' | 'environments' | 'reason'>): string | undefined {
  if (line.state !== 'bad' || line.environments !== null) return undefined;
  return AUTOMATIC.exec(line.reason)?.[1];
}

/** A problem for each tag that the server has marked bad by itself, for as long as nobody has touched the line. */
export function haltProblems(lines: readonly MarkLine[], exists: (tag: TagName) => boolean): Problem[] {
  return lines.flatMap((line): Problem[] => {
    const what = automaticHalt(line);
    if (what === undefined || !exists(line.tag)) return [];
    return [
      {
        id: `halt:${line.tag}`,
        severity: 'error',
        sentence: `${line.tag} was marked bad by the server itself (${whereOf(line)}), because ${what}; no host gets it any more`,
        hint:
          'see with "tagwave-server events" what they reported, and correct it in the repository; if the tag is fine after ' +
          `all, "tagwave-server mark ${line.tag} none" takes the line away, and the server will not mark it again`,
        file: 'tagstate',
        line: line.line,
      },
    ];
  });
}
