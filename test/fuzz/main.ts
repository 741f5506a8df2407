// `npm run fuzz`: 200,000 inputs for everything that reads what others send or write. `-- --target tagstate --runs 1000000`
// tries one; an input that goes wrong is kept in test/fuzz/corpus, from where every later run tries it again.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { keep } from './corpus.ts';
import { fuzz, MOST_KEPT_MIB, type Ran } from './run.ts';
import type { Target } from './target.ts';
import { sharesOf, TARGETS } from './targets.ts';

const CORPUS = join(dirname(dirname(fileURLToPath(import.meta.url))), 'test', 'fuzz', 'corpus');
const USAGE = `usage: npm run fuzz -- [--runs 200000] [--seed N] [--minutes 30] [--target NAME]...
targets: ${TARGETS.map(({ name }) => name).join(', ')}\n`;

interface Wish {
  readonly runs: number;
  readonly seed: number;
  readonly minutes: number;
  readonly targets: readonly Target[];
}

const wish = wishOf(process.argv.slice(2));
if (wish === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else await fuzzAll(wish);

function wishOf(args: readonly string[]): Wish | undefined {
  const text = { type: 'string' } as const;
  const options = { runs: text, seed: text, minutes: text, target: { type: 'string', multiple: true } } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    const [runs, seed, minutes] = [
      values.runs ?? 200_000,
      values.seed ?? Date.now() % 2 ** 31,
      values.minutes ?? 30,
    ].map(Number);
    const targets = TARGETS.filter(({ name }) => values.target?.includes(name) ?? true);
    const isKnown = values.target?.every((name) => TARGETS.some((target) => target.name === name)) ?? true;
    if (!isKnown || !isPositive(runs) || !Number.isSafeInteger(seed) || !isPositive(minutes)) return undefined;
    return { runs, seed: seed as number, minutes, targets };
  } catch {
    return undefined;
  }
}

function isPositive(number: number | undefined): number is number {
  return number !== undefined && number > 0 && Number.isFinite(number);
}

/** What goes wrong keeps nobody from the others' figures; the exit code tells. */
async function fuzzAll({ runs, seed, minutes, targets }: Wish): Promise<void> {
  process.stdout.write(`seed ${seed}\n`);
  const began = performance.now();
  const until = began + minutes * 60_000;
  const table = new Table({
    head: ['target', 'inputs', 'seconds', 'slowest input, ms', 'grew by, MiB', 'of that kept', ''],
    style: { head: [], border: [] },
  });
  let all = 0;
  let left = targets.length;
  for (const [target, share] of sharesOf(targets, runs)) {
    const from = performance.now();
    // Each has as much of what is left as those that come after it.
    const ran = await fuzz(target, {
      seed,
      runs: share,
      corpus: CORPUS,
      limitMs: Math.max(1000, (until - from) / left--),
    });
    all += ran.inputs;
    table.push([
      target.name,
      ran.inputs,
      seconds(performance.now() - from),
      ran.slowestMs.toFixed(1),
      ran.grewMib,
      ran.keptMib,
      verdict(target, ran, share),
    ]);
    if (process.stderr.isTTY) process.stderr.write(`… ${target.name}: ${ran.inputs} inputs\n`);
  }
  const { maxRSS } = process.resourceUsage();
  process.stdout.write(
    `${table}\n${all} inputs in ${seconds(performance.now() - began)} s, ${Math.round(maxRSS / 1024)} MiB at most\n`,
  );
}

function verdict(target: Target, { inputs, failure, keptMib }: Ran, share: number): string {
  if (keptMib > MOST_KEPT_MIB) {
    process.exitCode = 1;
    process.stderr.write(`\n${target.name}: ${keptMib} MiB are kept of what was sent, of ${MOST_KEPT_MIB} at most\n`);
  }
  if (failure === undefined) return keptMib > MOST_KEPT_MIB ? 'GREW' : inputs < share ? 'out of time' : '';
  process.exitCode = 1;
  const path = failure.file ?? keep(CORPUS, target.name, failure.input);
  process.stderr.write(`\n${target.name}: ${failure.error}\nthe input: ${path}\n`);
  return 'WENT WRONG';
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
