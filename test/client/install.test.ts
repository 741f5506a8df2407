import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clientYml, filesOf, isInterval, isOurs, type Mode, USUAL } from '../../client/core/installation.ts';
import { parseConfig } from '../../client/settings/config-text.ts';
import { DEFAULT_TARGET } from '../../client/settings/keys.ts';
import { mergeSettings } from '../../client/settings/merge.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { runClient } from './run-client.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const MODES: readonly Mode[] = ['cron', 'timer', 'watch'];
const all = MODES.flatMap((mode) => filesOf({ ...USUAL, mode }));

describe('what is installed', () => {
  test('is what the samples show', async () => {
    for (const { path, text } of all) {
      const sample = path.startsWith('/etc/cron.d/') ? 'cron/client' : path.replace('/etc/systemd/system', 'systemd');
      expect(await readFile(join(SAMPLES, sample), 'utf8'), sample).toBe(text);
    }
    expect(USUAL.target).toBe(DEFAULT_TARGET);
  });

  test('is known again, and nothing else is', () => {
    for (const { path, text } of all) expect(isOurs(text), path).toBe(true);
    for (const text of ['', '# mine\n', "# written by hand, as 'tagwave install' would\n"])
      expect(isOurs(text)).toBe(false);
  });

  test('asks at every interval that an hour can be divided into, and lets each host have its moment in it', () => {
    const minutes = Array.from({ length: 61 }, (_, minute) => minute).filter(isInterval);
    expect(minutes).toEqual([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]);
    for (const everyMinutes of minutes) {
      const [cron] = filesOf({ ...USUAL, everyMinutes });
      const [, field = '', splay] =
        /^(\S+) \* \* \* \* {2}tagwave {2}tagwave poll --splay (\d+)$/m.exec(cron?.text ?? '') ?? [];
      const times = Array.from({ length: 60 }, (_, minute) => minute).filter((minute) => matches(field, minute));
      expect(times).toHaveLength(60 / everyMinutes);
      expect(Number(splay)).toBeLessThan(everyMinutes * 60);
      expect(Number(splay)).toBeGreaterThan(everyMinutes * 30);
    }
  });

  test('is a calendar that systemd understands', async (context) => {
    const analyze = (...args: string[]) => execa('systemd-analyze', args, { reject: false });
    if ((await analyze('--version')).exitCode !== 0) return context.skip('systemd-analyze is not installed');
    for (const everyMinutes of [1, 5, 10, 30, 60]) {
      const timer = filesOf({ ...USUAL, mode: 'timer', everyMinutes })[1]?.text ?? '';
      const calendar = /^OnCalendar=(.*)$/m.exec(timer)?.[1] ?? '';
      const { stdout } = await analyze('calendar', '--iterations=3', '--base-time=2026-11-20 08:00:00 UTC', calendar);
      const at = [...stdout.matchAll(/(?:Next elapse|Iter(?:ation)?\. #\d+): .* (\d\d):(\d\d):00/g)];
      const minutes = at.map(([, hour, minute]) => Number(hour) * 60 + Number(minute));
      expect(minutes, stdout).toEqual([1, 2, 3].map((count) => 480 + count * everyMinutes));
    }
  });

  test('leaves root its rights, and another user only the target', () => {
    for (const mode of ['timer', 'watch'] as const) {
      const byRoot = filesOf({ ...USUAL, mode, user: 'root' })[0]?.text ?? '';
      expect(byRoot).not.toMatch(/^(User|ProtectSystem|NoNewPrivileges)=/m);
      const elsewhere = filesOf({ ...USUAL, mode, target: '/srv/100% "mine"' })[0]?.text ?? '';
      expect(elsewhere).toContain('ReadWritePaths="/srv/100%% \\"mine\\""\n');
      expect(elsewhere).not.toContain('StateDirectory=');
    }
  });
});

function matches(field: string, minute: number): boolean {
  const step = /^\*(?:\/(\d+))?$/.exec(field);
  return step === null ? Number(field) === minute : minute % Number(step[1] ?? 1) === 0;
}

test('the settings that are written are understood as they were meant, whatever the names', async () => {
  const meant = {
    servers: ['http://a:8420', 'https://b.example.com/at'],
    hostname: 'yes',
    target: '/srv/a: b #\u00e9"\\',
    root: undefined,
  };
  const file = parseConfig('client.yml', clientYml(meant));
  if (!file.ok) throw new Error(file.errors.join('\n'));
  expect(mergeSettings([file.layer])).toMatchObject({
    ok: true,
    settings: { servers: meant.servers.map((url) => new URL(url)), hostname: 'yes', target: meant.target },
  });
  expect(parse(clientYml({ ...meant, servers: ['http://a'] }))['server']).toBe('http://a');
});

describe('tagwave install', () => {
  test('without a server, and without settings that name one, exits 2 and says how', async () => {
    const destdir = await disposableDirectory();
    const run = await runClient(['install', '--cron', '--destdir', destdir]);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('no server is given');
  });

  test('with several servers writes them all, and does without them from then on', async () => {
    const destdir = await disposableDirectory();
    const args = ['install', '--cron', '--destdir', destdir];
    const first = await runClient([...args, '--server', 'http://a:1/', '--server', 'http://b:2']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(join(destdir, 'etc/tagwave/client.yml'), 'utf8')).toContain(
      'server:\n  - "http://a:1"\n  - "http://b:2"\n',
    );
    const again = await runClient(args);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout.split('\n').filter((line) => line.startsWith('changed'))).toEqual([]);
  });

  test('with --no-start writes units, and leaves the cron line away', async () => {
    const destdir = await disposableDirectory();
    const args = ['install', '--server', 'http://a', '--no-start', '--destdir', destdir];
    const cron = await runClient([...args, '--cron']);
    expect(cron.stdout).not.toContain('cron.d');
    const units = await runClient([...args, '--systemd', '--every', '30']);
    expect(units.stdout).toContain(`changed      ${join(destdir, 'etc/systemd/system/tagwave-poll.timer')}`);
    const timer = await readFile(join(destdir, 'etc/systemd/system/tagwave-poll.timer'), 'utf8');
    expect(timer).toContain('OnCalendar=*:0/30\n');
  });
});
