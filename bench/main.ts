// `npm run bench`: how fast hosts are answered, and what one more tag costs, each beside a yardstick taken in the same run.
// `npm run bench -- polls`, or `tags`, does one of the two.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineFacts, warningOf } from './machine.ts';
import { measurePolls } from './polls.ts';
import { pollLines, tagLines } from './report.ts';
import { keepResults } from './results.ts';
import { measureTags } from './tags.ts';
import { withWorkDirectory } from './work-directory.ts';
import { isYardstick, serveYardstick } from './yardsticks.ts';

const DIST = dirname(fileURLToPath(import.meta.url));
const RESULTS = join(dirname(DIST), 'bench', 'results');

const [what, name] = process.argv.slice(2);
if (what === 'yardstick' && isYardstick(name)) serveYardstick(name);
else await bench({ polls: what !== 'tags', tags: what !== 'polls' });

async function bench(wanted: { readonly polls: boolean; readonly tags: boolean }): Promise<void> {
  await withWorkDirectory(async (work) => {
    const machine = await machineFacts(work);
    say(machine.lines);
    say(warningOf(machine));
    const polls = wanted.polls
      ? await attempt('polls', () => measurePolls({ dist: DIST, work: work.path, progress }))
      : undefined;
    if (polls !== undefined) say(pollLines(polls));
    const tags = wanted.tags ? await attempt('tags', () => measureTags({ work: work.path, progress })) : undefined;
    if (tags !== undefined) say(tagLines(tags, work.fileSystem));
    say([`All figures, round by round: ${await keepResults(RESULTS, { machine, polls, tags })}`]);
  });
}

/** What one part cannot measure keeps nobody from the other's figures; the exit code tells. */
async function attempt<Figures>(part: string, measure: () => Promise<Figures>): Promise<Figures | undefined> {
  try {
    return await measure();
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${part}: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`… ${text}\n`);
}
