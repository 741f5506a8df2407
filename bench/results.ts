import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ApplyFigures } from './apply.ts';
import type { Machine } from './machine.ts';
import type { PollFigures } from './polls.ts';
import type { TagFigures } from './tags.ts';

/** What could not be measured is missing. */
export interface Results {
  readonly machine: Machine;
  readonly polls: PollFigures | undefined;
  readonly tags: readonly TagFigures[] | undefined;
  readonly apply: ApplyFigures | undefined;
}

/** Writes everything that was measured to a file named by the time, and answers its path. */
export async function keepResults(directory: string, results: Results): Promise<string> {
  const at = new Date().toISOString();
  const path = join(directory, `${at.slice(0, 19).replaceAll(':', '')}Z.json`);
  await mkdir(directory, { recursive: true });
  await writeFile(path, `${JSON.stringify({ at, ...results }, null, 2)}\n`);
  return relative(process.cwd(), path);
}
