import type { Problem } from '../core/problem.ts';
import type { Ended } from './part.ts';

/** Which processes ended unexpectedly: how long to wait before each is started again, and what operators are told. */
export interface Deaths {
  /** Answers how many milliseconds to wait before a new one is started. */
  noted(name: string, end: Ended): number;
  problems(): readonly Problem[];
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** Who lived so long was healthy: it is started again as soon as at first. */
const HEALTHY_MS = 60_000;
/** For so long it is told that a process ended. */
const TOLD_MS = 3_600_000;

export function openDeaths(tell: (problems: readonly Problem[]) => void): Deaths {
  const known: { readonly name: string; readonly how: string; readonly at: number }[] = [];
  const pauses = new Map<string, number>();
  const recent = () => known.filter(({ at }) => performance.now() - at < TOLD_MS);
  const problems = (): readonly Problem[] => problemsOf(recent());
  return {
    noted(name, { code, signal, milliseconds }) {
      const before = milliseconds > HEALTHY_MS ? undefined : pauses.get(name);
      const pause = before === undefined ? FIRST_PAUSE_MS : Math.min(before * 2, LONGEST_PAUSE_MS);
      pauses.set(name, pause);
      known.splice(0, known.length - recent().length);
      known.push({ name, how: signal ?? `exit code ${code ?? 'unknown'}`, at: performance.now() });
      tell(problems());
      setTimeout(() => tell(problems()), TOLD_MS + FIRST_PAUSE_MS).unref();
      return pause;
    },
    problems,
  };
}

function problemsOf(deaths: readonly { readonly name: string; readonly how: string }[]): Problem[] {
  return [...new Set(deaths.map(({ name }) => name))].map((name) => {
    const its = deaths.filter((death) => death.name === name);
    const times = its.length === 1 ? 'once' : `${its.length} times`;
    return {
      id: `workers:${name.replace(' ', '-')}`,
      severity: 'warning',
      sentence: `the ${name} ended unexpectedly ${times} within an hour, last by ${its.at(-1)?.how}, and was started again`,
      hint: "the server's log has the reason; where it says nothing, see whether the system ran out of memory",
    };
  });
}
