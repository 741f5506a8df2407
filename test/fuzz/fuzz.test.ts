import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fuzz, MOST_KEPT_MIB } from './run.ts';
import { sharesOf, TARGETS } from './targets.ts';

/** Another one is tried with FUZZ_SEED; `npm run fuzz` tries many more inputs. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 5);
const RUNS = 2000;
const CORPUS = fileURLToPath(new URL('corpus/', import.meta.url));

describe(`whatever is sent or written (seed ${SEED})`, () => {
  test.each([...sharesOf(TARGETS, RUNS, 8)].map(([target, runs]) => [target.name, target, runs] as const))(
    'what reads %s keeps what it promises, and no memory',
    async (_name, target, runs) => {
      const { failure, keptMib } = await fuzz(target, { seed: SEED, runs, corpus: CORPUS });
      expect(failure && { ...failure, input: failure.input.toString('latin1').slice(0, 4000) }).toBeUndefined();
      expect(keptMib).toBeLessThanOrEqual(MOST_KEPT_MIB);
    },
  );
});
