import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { backfill } from '../operations/snapshot.ts';
import { actor, baseOf, type CommonOptions, type ExitCode, fail, readyWorld, succeed, withApp } from './command.ts';
import { FIRST_FILES, serverYml } from './first-files.ts';
import { plural } from './terminal.ts';

interface Options extends CommonOptions {
  readonly repo?: string;
  readonly branch?: string;
  readonly backfill: string;
}

export function addInit(program: Command, run: (code: Promise<ExitCode>) => Promise<void>): void {
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
  const written = await writeFirstFiles(base, options);
  if (!Array.isArray(written)) return fail(options, written);
  return withApp('worker', options, async ({ context }) => {
    const ready = await readyWorld(context);
    if (ready.kind === 'not-ready') return fail(options, ready);
    const filled =
      context.shelf.current().tags.length > 0 ? undefined : await backfill(context, Number(options.backfill), actor());
    const tags = filled?.kind === 'done' ? filled.tags.map((made) => made.record.name) : [];
    const trouble = filled?.kind === 'refused' ? filled : undefined;
    return succeed(options, { ok: true, base, written, tags, trouble: trouble ?? null }, () => [
      `${base}: ${written.length === 0 ? 'everything was there already' : `wrote ${written.join(', ')}`}.`,
      ...(filled === undefined
        ? []
        : trouble
          ? [`No tag yet: ${trouble.sentence}`, `→ ${trouble.hint}`]
          : [`${plural(tags.length, 'tag')} made from history.`]),
      `Next: tagwave-server serve --base ${base}`,
    ]);
  });
}

async function writeFirstFiles(
  base: string,
  { repo, branch }: Options,
): Promise<string[] | { sentence: string; hint: string }> {
  const files = { ...FIRST_FILES, 'server.yml': serverYml({ repo, branch }) };
  const written: string[] = [];
  try {
    await mkdir(base, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      if (existsSync(join(base, name))) continue;
      await writeFile(join(base, name), text, { flag: 'wx' });
      written.push(name);
    }
    return written;
  } catch (error) {
    return {
      sentence: `${base} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'run it as a user who may write there, or name another directory with --base',
    };
  }
}
