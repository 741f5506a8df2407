import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { manuals } from '../../manual/pages.ts';
import { plain, shownOptions, textLines, visible } from '../../manual/roff.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const run = promisify(execFile);
const PAGES = manuals({ version: '0.1.0', date: '2026-11-20' });

/** The commands and their parts, with the words by which each is called. */
function called(command: Command, before = ''): { readonly path: string; readonly command: Command }[] {
  return visible(command).flatMap((one) => {
    const path = `${before}${one.name()}`;
    return [{ path, command: one }, ...called(one, `${path} `)];
  });
}

/** What the manual says of one command: from its heading to the next one. */
function sectionOf(text: string, path: string): string {
  const start = text
    .split('\n')
    .findIndex((line) => line === `.SS "${plain(path)}"` || line.startsWith(`.SS "${plain(path)} `));
  const lines = text.split('\n').slice(start + 1);
  return start === -1
    ? ''
    : lines
        .slice(
          0,
          lines.findIndex((line) => /^\.S[SH] /.test(line)),
        )
        .join('\n');
}

function optionsIn(roff: string): string[] {
  const heads = roff.split('\n').filter((line) => line.startsWith('\\fB\\-'));
  return heads
    .flatMap((line) =>
      (line.replace(/\\f[BRI]/g, ' ').match(/\\-\\-[a-z\\-]+/g) ?? []).map((name) => name.replaceAll('\\', '')),
    )
    .sort();
}

for (const { file, program, text } of PAGES) {
  describe(file, () => {
    test('tells of the commands and options that are parsed and that help shows, of all and of no others', () => {
      const commands = called(program);
      expect(commands.length).toBeGreaterThan(8);
      const common = optionsIn(text.slice(text.indexOf('\n.SH OPTIONS')));
      for (const { path, command } of commands) {
        const parsed = shownOptions(command).map(({ long }) => long ?? '');
        const section = sectionOf(text, path);
        expect([path, section === '']).toEqual([path, false]);
        expect([path, [...optionsIn(section), ...common].sort()]).toEqual([path, [...parsed].sort()]);
        const help = command.helpInformation();
        for (const option of parsed) expect([path, help.includes(option)]).toEqual([path, true]);
        for (const { description } of command.registeredArguments) expect(help).toContain(description.split(' ')[0]);
      }
      expect(text.match(/^\.SS /gm)).toHaveLength(commands.length);
    });

    test('is typeset without a warning', async ({ skip }) => {
      const page = join(await disposableDirectory(), file);
      await writeFile(page, text);
      const groff = await tool('groff', ['-man', '-Tutf8', '-ww', '-z', page]);
      const mandoc = await tool('mandoc', ['-Tlint', '-Wwarning', page]);
      if (groff === undefined && mandoc === undefined) skip('neither groff nor mandoc is installed');
      expect(`${groff ?? ''}${mandoc ?? ''}`).toBe('');
    });
  });
}

/** What a program says; undefined where it is not installed. */
async function tool(name: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(name, args);
    return stdout + stderr;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOENT') return undefined;
    return 'stdout' in error ? `${error.stdout}${error.message}` : error.message;
  }
}

test('no text is taken for a macro, an escape or a quotation mark', () => {
  expect(plain(".it's a \\fBtrap\\fR - `x` … ~")).toBe('\\&.it\\(aqs a \\efBtrap\\efR \\- \\(gax\\(ga \\[u2026] \\(ti');
  expect(textLines('one\ntwo\n\n  as  it\n  stands\nthree')).toEqual([
    '.PP',
    'one two',
    '.PP',
    '.RS 2n',
    '.nf',
    'as  it',
    'stands',
    '.fi',
    '.RE',
    '.PP',
    'three',
  ]);
});
