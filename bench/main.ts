// `npm run bench`: what the server, one more tag and a host cost, each beside a yardstick taken in the same run.
// `npm run bench -- polls tags` does only those parts; `--quick` only shows that they work.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { doJob, isJob } from './generator.ts';
import { serveGitOverHttp } from './git-http.ts';
import { machineFacts, warningOf } from './machine.ts';
import type { Bench, Measured } from './part.ts';
import { PARTS } from './parts.ts';
import { isAim } from './report.ts';
import { keepResults } from './results.ts';
import { stopwatch } from './stopwatch.ts';
import { withWorkDirectory } from './work-directory.ts';
import { isYardstick, serveYardstick } from './yardsticks.ts';

const DIST = dirname(fileURLToPath(import.meta.url));
const RESULTS = join(dirname(DIST), 'bench', 'results');

const [what, name, file] = process.argv.slice(2);
if (what === 'yardstick' && isYardstick(name)) serveYardstick(name);
else if (what === 'generate' && isJob(name) && file !== undefined) await doJob(name, file);
else if (what === 'git-http' && name !== undefined) await serveGitOverHttp(name);
else await bench(process.argv.slice(2));

async function bench(words: readonly string[]): Promise<void> {
  const isQuick = words.includes('--quick');
  const wanted = words.filter((word) => word !== '--quick');
  const unknown = wanted.filter((word) => !(word in PARTS));
  if (unknown.length > 0) {
    process.stderr.write(`there is no ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  await withWorkDirectory(async (work) => {
    const machine = await machineFacts(work);
    say(machine.lines);
    say(warningOf(machine));
    const at: Bench = { dist: DIST, work: work.path, fileSystem: work.fileSystem, isQuick, progress };
    const parts: Record<string, unknown> = {};
    const aims: string[] = [];
    for (const [part, measure] of Object.entries(PARTS)) {
      if (wanted.length > 0 && !wanted.includes(part)) continue;
      const measured = await attempt(part, () => measure(at));
      if (measured === undefined) continue;
      say(measured.lines);
      aims.push(...measured.lines.filter(isAim));
      parts[part] = measured.figures;
    }
    if (Object.keys(parts).length > 1) say(['', 'All aims', '', ...aims]);
    say(['', `All figures, round by round: ${await keepResults(RESULTS, { machine, parts })}`]);
  });
}

/** What one part cannot measure keeps nobody from the others' figures; the exit code tells. */
async function attempt(part: string, measure: () => Promise<Measured>): Promise<Measured | undefined> {
  const taking = stopwatch();
  try {
    return await measure();
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${part}: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  } finally {
    progress(`${part} took ${(taking.ms() / 1000).toFixed(0)} s`);
  }
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`… ${text}\n`);
}
