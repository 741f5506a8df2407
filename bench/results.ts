import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Machine } from './machine.ts';

export interface Results {
  readonly machine: Machine;
  /** By part; what could not be measured is missing. */
  readonly parts: Readonly<Record<string, unknown>>;
}

/** Writes everything that was measured to a file named by the time, and answers its path. */
export async function keepResults(directory: string, { machine, parts }: Results): Promise<string> {
  const at = new Date().toISOString();
  const path = join(directory, `${at.slice(0, 19).replaceAll(':', '')}Z.json`);
  await mkdir(directory, { recursive: true });
  await writeFile(path, `${JSON.stringify({ at, machine, ...parts }, null, 2)}\n`);
  return relative(process.cwd(), path);
}
