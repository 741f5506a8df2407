import type * as fc from 'fast-check';

/** Something that takes what others send or write, and what must hold whatever that is. */
export interface Target {
  /** Also the directory of its corpus. */
  readonly name: string;
  /** Of all inputs, its share against the others. */
  readonly weight: number;
  /** Each input asks a server or a disk: where few are tried, fewer of these are. */
  readonly isCostly?: boolean;
  /** Besides the corpus and what becomes of that when it is changed here and there. */
  readonly inputs: fc.Arbitrary<Buffer>;
  /** What changes put in: what means something to this target. */
  readonly words: readonly string[];
  /** Asked once; the checks that it answers are asked one after the other, then closed. */
  open(): Check | Promise<Check>;
}

export interface Check {
  /** Throws where something does not hold. */
  check(input: Buffer): void | Promise<void>;
  close?(): Promise<void>;
}

/** A target that needs nothing opened. */
export function target(of: Omit<Target, 'open'> & { readonly check: (input: Buffer) => void | Promise<void> }): Target {
  const { check, ...rest } = of;
  return { ...rest, open: () => ({ check }) };
}

/** Throws with what was found where something that must hold does not. */
export function must(holds: boolean, claim: string, found?: unknown): asserts holds {
  if (!holds) throw new Error(found === undefined ? claim : `${claim}: ${JSON.stringify(found)?.slice(0, 2000)}`);
}
