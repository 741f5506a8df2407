import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../client/commands/usage/commands.ts';
import type { Usage } from '../../client/commands/usage/usage.ts';
import { buildProgram } from '../../server/cli/program.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'killswitch.md',
  'docs/from-etch.md',
  'docs/packaging.md',
  'tagstate.example',
  'samples/base/schedule.yml',
  'samples/cron/admin',
  'samples/cron/client',
  'samples/hooks/pre-receive',
  'samples/systemd/tagwave-server.service',
  'samples/systemd/tagwave-poll.service',
];

interface Called {
  readonly command: string;
  readonly flags: readonly string[];
  readonly text: string;
}

/** How a page calls a program: up to the end of the line, of the code, or of the command. */
async function calls(page: string, program: string): Promise<Called[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const pattern = new RegExp(`(?<![\\w-]|(?<!bin)/)${program} ([a-z]+(?:-[a-z]+)*)((?: [^\\n\`|&)#]*)?)`, 'g');
  return [...text.matchAll(pattern)].map(([called, command = '', rest = '']) => ({
    command,
    flags: [...rest.replaceAll(/"[^"]*"/g, '""').matchAll(/(?<= )--[a-z-]+/g)].map(([flag]) => flag),
    text: `${page}: ${called}`,
  }));
}

test('every command of tagwave-server that is shown exists, with the flags that are shown', async () => {
  const known = new Map(
    buildProgram(async () => undefined).commands.map((command) => [
      command.name(),
      // With those of its parts, as of "token create".
      [command, ...command.commands].flatMap((part) => part.options.map(({ long }) => long)),
    ]),
  );
  const shown = (await Promise.all(PAGES.map((page) => calls(page, 'tagwave-server')))).flat();
  expect(shown.length).toBeGreaterThan(25);
  for (const { command, flags, text } of shown) {
    expect([...known.keys()], text).toContain(command);
    for (const flag of flags) expect(['--help', ...(known.get(command) ?? [])], text).toContain(flag);
  }
});

test('every command of tagwave that is shown exists, with the flags that are shown', async () => {
  const shown = (await Promise.all(PAGES.map((page) => calls(page, 'tagwave'))))
    .flat()
    .filter(({ text }) => !/useradd|User=/.test(text));
  const known = new Map<string, readonly string[]>(
    COMMANDS.map((usage: Usage) => {
      const { name, keys, options = [] } = usage;
      const own = options.map(({ flags }) => /--[a-z-]+/.exec(flags)?.[0] ?? '');
      return [name, ['--config', '--help', ...keys.map((key) => `--${key}`), ...own]];
    }),
  );
  const called = shown.filter(({ command, flags }) => flags.length > 0 || known.has(command));
  expect(called.length).toBeGreaterThan(3);
  for (const { command, flags, text } of called) {
    expect([...known.keys()], text).toContain(command);
    for (const flag of flags) expect(known.get(command), text).toContain(flag);
  }
});

test('the changelog names the commands that there are, all of them', async () => {
  const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8');
  const lists = [...changelog.matchAll(/\*\*`tagwave-server`\*\*(?:: | learns )([^.]*)\./g)].map(
    ([, list = '']) => list,
  );
  const named = [...lists.join(' ').matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(
    buildProgram(async () => undefined)
      .commands.map((command) => command.name())
      .sort(),
  );
});
