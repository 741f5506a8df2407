export interface RoundLimits {
  readonly most: number;
  readonly least: number;
  /** For all rounds; a slow machine does fewer of them. */
  readonly limitMs: number;
}

/** Measures several times, one after the other. */
export async function roundsOf<Round>(limits: RoundLimits, one: (round: number) => Promise<Round>): Promise<Round[]> {
  const rounds: Round[] = [];
  const until = performance.now() + limits.limitMs;
  while (rounds.length < limits.least || (rounds.length < limits.most && performance.now() < until))
    rounds.push(await one(rounds.length));
  return rounds;
}

/** Each round begins with another one: none of them always comes first. */
export function inTurn<Each>(all: readonly Each[], round: number): Each[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
