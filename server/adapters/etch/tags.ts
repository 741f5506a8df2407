import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { FoundTag } from '../../core/etch/found.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { NOT_CONTENT } from '../git/directory.ts';

/** More of them nobody reads. */
const TOLD = 5;

/** What is in `tags/`, by name: each tag is looked through, but no file is read. */
export async function tagsBelow(directory: string): Promise<FoundTag[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const tags: FoundTag[] = [];
  for (const name of names.sort().filter((each) => !NOT_CONTENT.has(each)))
    tags.push(await lookThrough(join(directory, name), name));
  return tags;
}

async function lookThrough(path: string, name: string): Promise<FoundTag> {
  const survey = { files: 0, unkept: [] as string[], unkeptCount: 0 };
  try {
    if (!(await stat(path)).isDirectory()) return { name, path, ...survey, unreadable: 'it is no directory' };
    await surveyInto(survey, path, path);
    return { name, path, ...survey, unreadable: null };
  } catch (error) {
    if (errorCode(error) === '') throw error;
    const where = error instanceof Error && 'path' in error ? relative(path, String(error.path)) : '';
    return { name, path, ...survey, unreadable: `${where || name} cannot be read: ${reasonOf(error)}` };
  }
}

interface Survey {
  files: number;
  readonly unkept: string[];
  unkeptCount: number;
}

/** Names are bytes: one that is no UTF-8 is found again by them only. */
async function surveyInto(survey: Survey, root: string, top: string): Promise<void> {
  const pending: Buffer[] = [Buffer.from(top)];
  const isRoot = process.geteuid?.() === 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const entries = await readdir(directory, { withFileTypes: true, encoding: 'buffer' });
    if (entries.length === 0 && directory.toString() !== root) leaveOut(survey, root, directory);
    for (const entry of entries) {
      const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
      if (NOT_CONTENT.has(entry.name.toString('latin1'))) continue;
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isSymbolicLink()) survey.files++;
      else if (entry.isFile()) {
        if (!isRoot) await access(path, constants.R_OK);
        survey.files++;
      } else leaveOut(survey, root, path);
    }
  }
}

function leaveOut(survey: Survey, root: string, path: Buffer): void {
  survey.unkeptCount++;
  if (survey.unkept.length < TOLD) survey.unkept.push(relative(root, path.toString()));
}
