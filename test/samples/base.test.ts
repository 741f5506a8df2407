import { readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseHostname } from '../../protocol/names.ts';
import { groupsOf, parseNodeGroups } from '../../server/core/groups.ts';
import { parseNodes } from '../../server/core/nodes.ts';
import { parsePins } from '../../server/core/pins.ts';
import { parseSchedule, waveOf } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import type { Parsed } from '../../server/core/yaml-file.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const read = (name: string): Promise<string> => readFile(join(SAMPLES, 'base', name), 'utf8');

function valid<Value>(parsed: Parsed<Value>): Value {
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

test.each([
  ['ci.dev.example.com', 'development', 0],
  ['api.int.example.com', 'development', 0],
  ['web1.qa.example.com', 'qa', 1],
  ['web1.stg.example.com', 'staging', 2],
  ['web1.example.com', 'production', 3],
  ['mail.east.example.com', 'production', 3],
  ['web2.example.com', 'production', 4],
  ['nobody-knows-me.example.org', 'production', 4],
])('in the sample base %s is in %s and lags %i hours', async (name, environment, hours) => {
  const schedule = valid(parseSchedule(await read('schedule.yml')));
  const nodes = valid(parseNodes(await read('nodes.yml')));
  const nodeGroups = valid(parseNodeGroups(await read('nodegroups.yml')));
  const hostname = parseHostname(name);
  if (hostname === undefined) throw new Error(name);
  const groups = groupsOf({ nodes, nodeGroups, hostname, grouper: [] });
  expect(waveOf(schedule, hostname, groups)).toMatchObject({ environment, hours });
});

test('a group of the sample base is in its parents', async () => {
  const nodes = valid(parseNodes(await read('nodes.yml')));
  const nodeGroups = valid(parseNodeGroups(await read('nodegroups.yml')));
  const hostname = parseHostname('web1.example.com');
  if (hostname === undefined) throw new Error('web1');
  expect(groupsOf({ nodes, nodeGroups, hostname, grouper: [] })).toEqual(['web', 'prod-east', 'http-server', 'prod']);
});

test('the line files of the sample base pin and mark nothing, and have no problem', async () => {
  const pins = parsePins(await read('pins'));
  expect(pins).toMatchObject({ problems: [], hostsUnreadable: false, pins: { globs: [] } });
  expect(pins.pins.exact.size).toBe(0);
  expect(parseTagstate(await read('tagstate'), 'tagstate')).toEqual({ lines: [], problems: [] });
});

test('the examples in the comments of pins and nodes.yml are valid as well', async () => {
  const pins = (await read('pins')).replace(/^#\s+(?=(web1|\*\.dev)\.example\.com\s)/gm, '');
  expect(parsePins(pins).problems).toEqual([]);
  expect(parsePins(pins).pins.exact.size + parsePins(pins).pins.globs.length).toBe(2);
  const nodes = (await read('nodes.yml'))
    .replace(/^#( {3})(?=(old-mail| {2}))/gm, '')
    .replace(/^ {2}(?=\S.*: \[mail\]|tag:)/gm, '  ');
  expect(valid(parseNodes(nodes)).exact.size).toBe(5);
});

test('the sample configuration repository has plain files, an executable and a link, and no deploy.yml', async () => {
  const repository = join(SAMPLES, 'config-repo');
  expect((await stat(join(repository, 'usr/local/bin/disk-report'))).mode & 0o111).toBe(0o111);
  expect((await stat(join(repository, 'etc/motd'))).mode & 0o111).toBe(0);
  expect(await readlink(join(repository, 'etc/nginx/sites-enabled/www.conf'))).toBe('../sites-available/www.conf');
  await expect(stat(join(repository, 'deploy.yml'))).rejects.toThrow('ENOENT');
});
