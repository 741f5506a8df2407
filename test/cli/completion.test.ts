import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { clientScript } from '../../manual/completion.ts';
import { SHELLS, type Shell, scriptFor } from '../../server/cli/completion-scripts.ts';
import { complete } from '../../server/cli/completion-words.ts';
import { buildProgram } from '../../server/cli/program.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { runCommand } from '../rig/server-process.ts';
import { HOSTS, NEWEST, testBase, useBases } from './base.ts';

useBases();

const program = buildProgram(async () => undefined);

/** What the last word may become, less what does not begin like it. */
function words(line: string): string[] {
  const { candidates, begun, before } = complete(program, line.split(' '));
  return candidates.filter(({ value }) => value.startsWith(begun)).map(({ value }) => before + value);
}

describe('a command line is completed', () => {
  test('with commands, their parts, and their options', () => {
    expect(words('nod')).toEqual(['nodes']);
    expect(words('token re')).toEqual(['revoke']);
    expect(words('nodes --si')).toEqual(['--silent']);
    expect(words('--base /etc/x nodes --si')).toEqual(['--silent']);
    expect(words('serve --a')).toEqual([]);
    expect(words('')).toContain('status');
  });

  test('with the values of an option or an argument, and nothing else in their place', () => {
    expect(words('nodes --outcome f')).toEqual(['failed']);
    expect(words('nodes --outcome failed r')).toEqual(['rolled-back', 'refused']);
    expect(words('nodes --outcome=f')).toEqual(['--outcome=failed']);
    expect(words('nodes --outcome failed --be')).toEqual(['--behind']);
    expect(words(`mark ${NEWEST} b`)).toEqual(['bad', 'badfwd']);
    expect(words('events --since n')).toEqual([]);
  });

  test('with what is looked up: tags, environments, waves and hosts', () => {
    const lookup = (line: string) => complete(program, line.split(' ')).lookup;
    expect([lookup('mark '), lookup('wait --tag '), lookup('kill '), lookup('wait --environment ')]).toEqual([
      'tag',
      'tag',
      'environment',
      'environment',
    ]);
    expect([lookup('nodes --wave='), lookup('explain '), lookup('status ')]).toEqual(['wave', 'host', undefined]);
    expect(complete(program, ['explain', '--base', '/srv/x', ''])).toMatchObject({ lookup: 'host', base: '/srv/x' });
  });
});

test('the names that there are come from the base, and a base that is not there keeps quiet', async () => {
  const { base } = await testBase();
  const completed = async (...line: string[]) =>
    (await runCommand(['completion', '--words', '--base', base, '--', ...line])).stdout
      .split('\n')
      .map((one) => one.split('\t')[0]);
  expect(await completed('mark', 'etch')).toContain(NEWEST);
  expect(await completed('explain', 'we')).toEqual([HOSTS.web, '']);
  expect(await completed('nodes', '--wave', 'p')).toEqual(['production+4h', '']);
  const nowhere = await runCommand(['completion', '--words', '--', 'kill', '--base', '/nowhere', '']);
  expect(nowhere).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await runCommand(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' });
});

/** How each shell is asked what it would offer. */
const ASK: Readonly<Record<Shell, (script: string) => readonly string[]>> = {
  bash: (script) => [
    '-c',
    `source ${script}; COMP_WORDS=(tagwave-server nodes --si); COMP_CWORD=2; _tagwave_server; echo "\${COMPREPLY[*]}"`,
  ],
  zsh: (script) => ['-n', script],
  fish: (script) => ['-c', `source ${script}; complete --do-complete 'tagwave-server nodes --si'`],
};

for (const shell of SHELLS) {
  test(`${shell} takes the scripts of both commands, and offers what the server says`, async ({ skip }) => {
    const directory = await disposableDirectory();
    const [server, client] = [join(directory, 'server'), join(directory, 'client')];
    await writeFile(server, scriptFor(shell, 'tagwave-server'));
    await writeFile(client, clientScript(shell));
    const bin = join(directory, 'bin');
    await mkdir(bin);
    await writeFile(
      join(bin, 'tagwave-server'),
      `#!/bin/sh\nexec '${process.execPath}' '${await serverBundle()}' "$@"\n`,
    );
    await chmod(join(bin, 'tagwave-server'), 0o755);
    const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: directory };
    const ask = (args: readonly string[]) =>
      promisify(execFile)(shell, [...args], { env }).catch((error: Error) => {
        if ('code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      });
    const parsed = await ask(['-n', client]);
    if (parsed === undefined) skip(`${shell} is not installed`);
    expect(parsed).toEqual({ stdout: '', stderr: '' });
    const offered = await ask(ASK[shell](server));
    expect(offered?.stderr).toBe('');
    if (shell !== 'zsh') expect(offered?.stdout.split(/\s/)[0]).toBe('--silent');
  });
}
