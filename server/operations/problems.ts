import type { NewEvent } from '../core/event.ts';
import { withoutSecrets } from '../core/masking.ts';
import type { Problem, StandingProblem } from '../core/problem.ts';
import { THE_SERVER } from './context.ts';

/** The problems that stand now. Each source replaces its own list; what is new or gone becomes an event. */
export interface Problems {
  set(source: string, problems: readonly Problem[]): void;
  /** Worst first, then oldest. */
  standing(): StandingProblem[];
  /** How many stand of each source and severity, 0 included of sources that were ever heard of. */
  counts(): { readonly source: string; readonly severity: Problem['severity']; readonly count: number }[];
}

export interface ProblemsPorts {
  readonly now: () => number;
  readonly record: (event: NewEvent) => void;
  /** When a problem that stood before this process began was raised. */
  readonly raisedBefore: (id: string) => number | undefined;
}

export function openProblems({ now, record, raisedBefore }: ProblemsPorts): Problems {
  const bySource = new Map<string, readonly StandingProblem[]>();
  /** What has come to an end since this process began is new when it comes again. */
  const cleared = new Set<string>();
  return {
    set(source, problems) {
      const before = new Map((bySource.get(source) ?? []).map((problem) => [problem.id, problem]));
      const unique = new Map(problems.map(withoutSecretsIn).map((problem) => [problem.id, problem]));
      const at = now();
      const standing = [...unique.values()].map((problem): StandingProblem => {
        const since = before.get(problem.id)?.since;
        if (since !== undefined) return { ...problem, since };
        const earlier = cleared.has(problem.id) ? undefined : raisedBefore(problem.id);
        if (earlier === undefined) record(eventOf(problem, 'problem-raised', at));
        return { ...problem, since: new Date(earlier ?? at).toISOString() };
      });
      for (const [id, problem] of before) {
        if (unique.has(id)) continue;
        cleared.add(id);
        record(eventOf(problem, 'problem-cleared', at));
      }
      bySource.set(source, standing);
    },
    standing() {
      const rank = (problem: Problem) => (problem.severity === 'error' ? 0 : 1);
      return [...bySource.values()].flat().sort((a, b) => rank(a) - rank(b) || a.since.localeCompare(b.since));
    },
    counts: () =>
      [...bySource].flatMap(([source, problems]) =>
        (['error', 'warning'] as const).map((severity) => ({
          source,
          severity,
          count: problems.filter((problem) => problem.severity === severity).length,
        })),
      ),
  };
}

/** Whatever program, file or URL a sentence cites. */
function withoutSecretsIn(problem: Problem): Problem {
  return { ...problem, sentence: withoutSecrets(problem.sentence), hint: withoutSecrets(problem.hint) };
}

function eventOf(problem: Problem, kind: 'problem-raised' | 'problem-cleared', at: number): NewEvent {
  const raised = kind === 'problem-raised';
  return {
    at,
    kind,
    ...THE_SERVER,
    subject: problem.id,
    before: raised ? null : problem.sentence,
    after: raised ? problem.sentence : null,
    why: null,
    summary: raised ? problem.sentence : `no longer: ${problem.sentence}`,
  };
}
