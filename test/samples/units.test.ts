import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const UNITS = ['tagwave-poll.service', 'tagwave-poll.timer', 'tagwave-server.service', 'tagwave-watch.service'];

type Sections = Record<string, Record<string, string[]>>;

/** A unit file's keys by section; a key may come several times. */
async function unit(name: string): Promise<Sections> {
  const sections: Sections = {};
  let section: Record<string, string[]> | undefined;
  for (const line of (await readFile(join(SAMPLES, 'systemd', name), 'utf8')).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const title = /^\[(\w+)\]$/.exec(line)?.[1];
    if (title !== undefined) {
      section = {};
      sections[title] = section;
      continue;
    }
    const [, key, value] = /^([A-Z][A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (section === undefined || key === undefined || value === undefined) throw new Error(`${name}: ${line}`);
    section[key] = [...(section[key] ?? []), value];
  }
  return sections;
}

describe('systemd units', () => {
  test('there are these four, and each line of them is a section, a setting or a comment', async () => {
    expect((await readdir(join(SAMPLES, 'systemd'))).sort()).toEqual(UNITS);
    for (const name of UNITS) expect(Object.keys(await unit(name))).toContain('Unit');
  });

  test('run as users without rights, in a sandbox that leaves them only their state directory', async () => {
    for (const [name, user, directory] of [
      ['tagwave-server.service', 'tagwave-server', 'tagwave-server'],
      ['tagwave-poll.service', 'tagwave', 'tagwave'],
      ['tagwave-watch.service', 'tagwave', 'tagwave'],
    ] as const) {
      expect((await unit(name))['Service']).toMatchObject({
        User: [user],
        StateDirectory: [directory],
        ProtectSystem: ['strict'],
        ProtectHome: ['yes'],
        NoNewPrivileges: ['yes'],
        CapabilityBoundingSet: [''],
      });
    }
  });

  test('a reload of the server is the signal that restarts its workers one after the other', async () => {
    expect((await unit('tagwave-server.service'))['Service']?.['ExecReload']).toEqual(['/bin/kill -HUP $MAINPID']);
  });

  test('a killswitch, a hold and a busy run are no failures of the poll, a failed poll is', async () => {
    expect((await unit('tagwave-poll.service'))['Service']?.['SuccessExitStatus']).toEqual(['3 4 5']);
  });

  const analyze = (...names: string[]) => execa('systemd-analyze', names, { reject: false });
  test('systemd itself finds nothing to complain about', async (context) => {
    if ((await analyze('--version')).exitCode !== 0) return context.skip('systemd-analyze is not installed');
    const directory = await disposableDirectory();
    for (const name of UNITS) {
      // The commands are not installed where tests run: any command that is, stands in for them.
      const text = await readFile(join(SAMPLES, 'systemd', name), 'utf8');
      await writeFile(join(directory, name), text.replaceAll(/\/usr\/local\/bin\/tagwave(-server)?/g, '/bin/true'));
    }
    const { all, exitCode } = await execa(
      'systemd-analyze',
      ['verify', ...UNITS.map((name) => join(directory, name))],
      {
        all: true,
        reject: false,
      },
    );
    expect(all).toBe('');
    expect(exitCode).toBe(0);
    const calendar = (await unit('tagwave-poll.timer'))['Timer']?.['OnCalendar']?.[0] ?? '';
    expect((await analyze('calendar', calendar)).exitCode).toBe(0);
  });
});

describe('crontabs', () => {
  const FIELD = /^(\*|\d+(-\d+)?)(\/\d+)?(,(\d+(-\d+)?))*$/;

  async function entries(name: string) {
    const text = await readFile(join(SAMPLES, 'cron', name), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !/^[A-Z]+=\S+$/.test(line))
      .map((line) => {
        const [, minute, hour, day, month, weekday, user, command] =
          /^(\S+) (\S+) (\S+) (\S+) (\S+) {2}(\S+) {2}(.+)$/.exec(line) ?? [];
        return { fields: [minute, hour, day, month, weekday], user, command: command ?? '' };
      });
  }

  test.each(['client', 'admin'])('%s has five fields of time, a user and a command that sh can read', async (name) => {
    const all = await entries(name);
    expect(all.length).toBeGreaterThanOrEqual(1);
    for (const { fields, user, command } of all) {
      for (const field of fields) expect(field).toMatch(FIELD);
      expect(user).toMatch(/^tagwave(-server)?$/);
      // In a crontab a percent sign ends the command.
      expect(command).not.toContain('%');
      await execa('sh', ['-n', '-c', command]);
    }
  });

  test('the client polls within its ten minutes, splay included', async () => {
    for (const { command } of await entries('client')) {
      const splay = Number(/--splay (\d+)/.exec(command)?.[1]);
      expect(splay).toBeGreaterThan(0);
      expect(splay).toBeLessThan(600);
    }
  });

  test('an admin is mailed what a failing command said, and nothing by one that succeeds', async () => {
    const quiet = (await entries('admin')).map(({ command }) => command).filter((command) => command.includes('||'));
    expect(quiet).toHaveLength(2);
    for (const command of quiet) {
      const run = async (script: string): Promise<string> =>
        (await execa('sh', ['-c', command.replace(/tagwave-server \w+/, script)], { reject: false })).stdout;
      expect(await run('echo fine')).toBe('');
      expect(await run("sh -c 'echo broken >\\&2; exit 1'".replace('\\', ''))).toBe('broken');
    }
  });
});
