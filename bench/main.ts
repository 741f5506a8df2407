// `npm run bench`: how fast hosts are answered, what one more tag costs, and what a host does with it, each beside a
// yardstick taken in the same run. `npm run bench -- polls`, `tags` or `apply` does one of them.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureApply } from './apply.ts';
import { applyLines } from './apply-report.ts';
import { machineFacts, warningOf } from './machine.ts';
import { measurePolls } from './polls.ts';
import { pollLines } from './report.ts';
import { keepResults } from './results.ts';
import { measureTags } from './tags.ts';
import { tagLines } from './tags-report.ts';
import { withWorkDirectory } from './work-directory.ts';
import { isYardstick, serveYardstick } from './yardsticks.ts';

const DIST = dirname(fileURLToPath(import.meta.url));
const RESULTS = join(dirname(DIST), 'bench', 'results');

const [what, name] = process.argv.slice(2);
if (what === 'yardstick' && isYardstick(name)) serveYardstick(name);
else await bench((part) => what === undefined || what === part);

async function bench(isWanted: (part: 'polls' | 'tags' | 'apply') => boolean): Promise<void> {
  await withWorkDirectory(async (work) => {
    const machine = await machineFacts(work);
    say(machine.lines);
    say(warningOf(machine));
    const polls = isWanted('polls')
      ? await attempt('polls', () => measurePolls({ dist: DIST, work: work.path, progress }))
      : undefined;
    if (polls !== undefined) say(pollLines(polls));
    const tags = isWanted('tags') ? await attempt('tags', () => measureTags({ work: work.path, progress })) : undefined;
    if (tags !== undefined) say(tagLines(tags, work.fileSystem));
    const apply = isWanted('apply')
      ? await attempt('apply', () => measureApply({ dist: DIST, work: work.path, progress }))
      : undefined;
    if (apply !== undefined) say(applyLines(apply, work.fileSystem));
    say([`All figures, round by round: ${await keepResults(RESULTS, { machine, polls, tags, apply })}`]);
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
