import { createHash } from 'node:crypto';
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { versionOfBuild } from '../../protocol/release.ts';
import type { Failure } from '../core/failure.ts';
import { run } from './process.ts';
import { createFile, syncDirectory, TEMPORARY, writeWhole } from './publish.ts';

/** The file that runs now. */
export interface OwnProgram {
  readonly kind: 'own';
  readonly path: string;
  readonly version: string;
  readonly sha256: string;
  readonly stats: Stats;
}

export type Looked = OwnProgram | { readonly kind: 'unfit'; readonly failure: Failure };

const BEGINNING_BYTES = 512;
const TRIAL_MS = 30_000;

/** What runs now, if it is a client that can be replaced: one file of its own. `script` is what Node was started with. */
export function lookAtOwn(script: string | undefined): Looked {
  if (script === undefined) return unfit('it is not known which file runs', 'Run tagwave by its own file.');
  const path = realpathSync(script);
  const content = readFileSync(path);
  const version = versionOfBuild(content.toString('utf8', 0, BEGINNING_BYTES));
  if (version === undefined)
    return unfit(`${path} is no client in one file`, 'What runs from its sources is updated where they came from.');
  if (path.split('/').includes('node_modules'))
    return unfit(`${path} belongs to an npm package`, "Update it with npm, as in 'npm update tagwave'.");
  if (path.startsWith('/usr/bin/'))
    return unfit(
      `${path} belongs to a package of the system`,
      "Update it as the system is, as in 'apt-get install tagwave'.",
    );
  return { kind: 'own', path, version, sha256: sha256Of(content), stats: statSync(path) };
}

/** Why the file cannot be replaced by this user, or undefined. */
export function whyNotWritable({ path }: OwnProgram): Failure | undefined {
  try {
    accessSync(dirname(path), constants.W_OK);
    return undefined;
  } catch {
    return { sentence: `${path} cannot be replaced by this user`, hint: `Run it as the owner of ${dirname(path)}.` };
  }
}

/**
 * Puts other content in the place of the program, in one step, once it has been seen to run; the old one stays beside it as
 * `.previous`. Answers why that was not done.
 */
export async function replaceOwn(own: OwnProgram, content: Buffer, version: string): Promise<Failure | undefined> {
  const { path, stats } = own;
  const temporary = join(dirname(path), `${TEMPORARY}${basename(path)}-${process.pid}`);
  try {
    writeAs(temporary, content, stats);
    const trial = await run({ command: process.execPath, args: [temporary, '--version'], timeoutMs: TRIAL_MS });
    if (trial.code !== 0 || trial.stdout.trim() !== version) return doesNotRun(trial.stderr);
    keepPrevious(path, stats);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
    return undefined;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeAs(path: string, content: Buffer, { mode, uid, gid }: Stats): void {
  rmSync(path, { force: true });
  const fd = createFile(path, mode & 0o777);
  try {
    writeWhole(fd, content);
    if (process.geteuid?.() === 0) {
      chownSync(path, uid, gid);
      fchmodSync(fd, mode & 0o7777);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Another name for the old file, where file systems have that; else a copy. */
function keepPrevious(path: string, stats: Stats): void {
  const temporary = join(dirname(path), `${TEMPORARY}${basename(path)}-previous-${process.pid}`);
  rmSync(temporary, { force: true });
  try {
    linkSync(path, temporary);
  } catch {
    writeAs(temporary, readFileSync(path), stats);
  }
  renameSync(temporary, `${path}.previous`);
}

function doesNotRun(stderr: string): Failure {
  const why = stderr.trim().split('\n', 1)[0] ?? '';
  return {
    sentence: `the new client does not run with Node ${process.versions.node}${why === '' ? '' : `: ${why}`}`,
    hint: 'Nothing was changed. It takes Node 18 or newer.',
  };
}

function unfit(sentence: string, hint: string): Looked {
  return { kind: 'unfit', failure: { sentence, hint } };
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
