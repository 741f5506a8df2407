import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { backfill } from '../operations/snapshot.ts';
import {
  actor,
  baseOf,
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import { FIRST_FILES, serverYml } from './first-files.ts';
import { BACKFILL_HOURS } from './snapshot.ts';
import { plural } from './terminal.ts';

interface Options extends CommonOptions {
  readonly repo?: string;
  readonly branch?: string;
  readonly backfill: string;
}

export function addInit(program: Command, run: Run): void {
  program
    .command('init')
    .summary('write commented control files, fetch, and fill in the past hours')
    .description('Writes only what is not there yet. No other command needs it.')
    .option('--repo <url>', 'git URL or path of the configuration repository (default: <base>/trunk)')
    .option('--branch <name>', "its branch (default: the one that the repository's HEAD names)")
    .option('--backfill <hours>', 'make the tags of so many past hours from history', '24')
    .action((_options: object, command: Command) => run(initCommand(command.optsWithGlobals())));
}

async function initCommand(options: Options): Promise<ExitCode> {
  const base = baseOf(options);
  const hours = wholeNumber(options.backfill, BACKFILL_HOURS);
  if (hours === undefined)
    return misuse(options, `"${options.backfill}" is no number of hours`, `1 to ${BACKFILL_HOURS.max}`);
  if (options.branch !== undefined && options.repo === undefined)
    return misuse(options, '--branch without --repo', 'name the repository that it is a branch of');
  const written = writeFirstFiles(base, options);
  if (!Array.isArray(written)) return fail(options, written);
  const ignored = options.repo !== undefined && !written.includes('server.yml');
  const notes = ignored ? ['server.yml was there already and stays as it is: --repo counts for nothing'] : [];
  return withWorld('worker', options, async ({ context }) => {
    const isFirst = context.shelf.current().tags.length === 0;
    const filled = isFirst ? await backfill(context, hours, actor()) : undefined;
    const tags = filled?.kind === 'done' ? filled.tags.map((made) => made.record.name) : [];
    const trouble = filled?.kind === 'refused' ? { sentence: filled.sentence, hint: filled.hint } : null;
    return succeed(options, { ok: true, base, written, notes, tags, trouble }, () => [
      `${base}: ${written.length === 0 ? 'everything was there already' : `wrote ${written.join(', ')}`}.`,
      ...notes,
      ...(trouble === null ? [] : [`No tag yet: ${trouble.sentence}`, `→ ${trouble.hint}`]),
      ...(filled?.kind === 'done' ? [`${plural(tags.length, 'tag')} made from history.`] : []),
      `Next: tagwave-server serve --base ${base}`,
    ]);
  });
}

/** The base is for people, and for the server's user: what is private in a server is not here. */
const EVERYBODY_READS = 0o022;

function writeFirstFiles(base: string, { repo, branch }: Options): string[] | { sentence: string; hint: string } {
  const files = { ...FIRST_FILES, 'server.yml': serverYml({ repo: repo && fromHere(repo), branch }) };
  const written: string[] = [];
  const umask = process.umask(EVERYBODY_READS);
  try {
    mkdirSync(base, { recursive: true });
    for (const [name, text] of Object.entries(files)) if (writeNew(join(base, name), text)) written.push(name);
    return written;
  } catch (error) {
    return {
      sentence: `${base} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'run it as a user who may write there, or name another directory with --base',
    };
  } finally {
    process.umask(umask);
  }
}

/** False where something of that name is there already. */
function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** A path on the command line starts in the working directory, one in `server.yml` in the base. */
function fromHere(repo: string): string {
  return /^[^/]*:/.test(repo) ? repo : resolve(repo);
}
