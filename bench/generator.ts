import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Asked, type AskJob, askAll } from './ask-job.ts';
import { type HerdJob, type HerdTaken, runHerd } from './herd-job.ts';
import { type PollJob, type PollsTaken, takePolls } from './poll-job.ts';

/** What the load generator can do; each in a process of its own, so that no server has to share one with it. */
interface Jobs {
  readonly asks: { readonly job: AskJob; readonly result: Asked };
  readonly herd: { readonly job: HerdJob; readonly result: HerdTaken };
  readonly polls: { readonly job: PollJob; readonly result: PollsTaken };
}
type Kind = keyof Jobs;

const WORKERS: { readonly [K in Kind]: (job: Jobs[K]['job']) => Promise<Jobs[K]['result']> } = {
  asks: askAll,
  herd: runHerd,
  polls: takePolls,
};

/** How long the longest may take before it is ended. */
const LIMIT_MS = 180_000;

/** Where the program is, and where jobs can be written. */
export interface Generating {
  readonly dist: string;
  readonly work: string;
}

let last = 0;

/** Has a job done by another process. Rejects where that fails or takes too long. */
export async function generate<K extends Kind>(
  { dist, work }: Generating,
  kind: K,
  job: Jobs[K]['job'],
): Promise<Jobs[K]['result']> {
  const file = join(work, `job-${++last}.json`);
  await writeFile(file, JSON.stringify(job));
  await execa(process.execPath, [join(dist, 'bench.js'), 'generate', kind, file], { timeout: LIMIT_MS });
  return JSON.parse(await readFile(`${file}.result`, 'utf8')) as Jobs[K]['result'];
}

export function isJob(kind: string | undefined): kind is Kind {
  return kind !== undefined && kind in WORKERS;
}

/** The other side: does what a file says, and writes what came of it beside that. */
export async function doJob<K extends Kind>(kind: K, file: string): Promise<void> {
  const job = JSON.parse(await readFile(file, 'utf8')) as Jobs[K]['job'];
  await writeFile(`${file}.result`, JSON.stringify(await WORKERS[kind](job)));
}
