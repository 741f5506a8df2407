import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SETTING_KEYS } from '../../server/settings/schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'killswitch.md',
  'docs/views.md',
  'docs/from-etch.md',
  'docs/packaging.md',
  'docs/hosts.md',
  'docs/page.md',
  'docs/monitoring.md',
  'docs/performance.md',
  'docs/scaling.md',
];
const read = (name: string): Promise<string> => readFile(join(ROOT, name), 'utf8');

/** As forges make anchors of headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

describe.each(PAGES)('%s', (page) => {
  test('links only to files and headings that exist', async () => {
    const text = await read(page);
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');
    const inside = links.filter((link) => !/^https:/.test(link));
    for (const link of inside) {
      const [relative = '', anchor] = link.split('#');
      const file = relative === '' ? '' : join(dirname(page), relative);
      expect(file === '' || existsSync(join(ROOT, file)), link).toBe(true);
      if (anchor === undefined) continue;
      const target = file === '' ? text : await read(file);
      const anchors = [...target.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));
      expect(anchors, link).toContain(anchor);
    }
    if (page !== 'CHANGELOG.md') expect(inside.length).toBeGreaterThan(0);
  });

  test('names only files of the project that exist', async () => {
    const named = [...(await read(page)).matchAll(/`((?:server|client|protocol|samples|test|bench)\/[\w./-]*)`/g)];
    for (const [, path = ''] of named) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  test('names only settings that exist', async () => {
    const sections = new Set(SETTING_KEYS.filter((key) => key.includes('.')).map((key) => key.split('.')[0]));
    const text = await read(page);
    const dotted = [...text.matchAll(/`([a-z]+)\.(?!sh`)([a-z_]+)(?::[^`]*)?`/g)].filter(([, section]) =>
      sections.has(section),
    );
    for (const [, section, name] of dotted) expect(SETTING_KEYS).toContain(`${section}.${name}`);
    if (page === 'README.md') expect(dotted.length).toBeGreaterThan(3);
  });

  test('says nothing twice in a row and has no line that is too long to read in a terminal', async () => {
    const lines = (await read(page)).split('\n');
    for (const line of lines) {
      if (!line.startsWith('|') && !line.includes('](')) expect(line.length, line).toBeLessThanOrEqual(125);
    }
    expect(lines.join(' ')).not.toMatch(/\b(the|a|of|is|to|and) \1\b/);
  });
});

test('the layout that the README draws is the layout', async () => {
  const [, map = ''] = /## Where things live\n+```\n([\s\S]*?)```/.exec(await read('README.md')) ?? [];
  let above = '';
  const paths = map.split('\n').flatMap((line) => {
    const [, indent = '', name] = /^( *)([\w.]+\/?)(?= |$)/.exec(line) ?? [];
    if (name === undefined) return [];
    if (indent === '') above = name.endsWith('/') ? name : '';
    return [indent === '' ? name : `${above}${name}`];
  });
  expect(paths.length).toBeGreaterThan(12);
  for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

test('every sample is named in the README, so that it can be found', async () => {
  const readme = await read('README.md');
  for (const sample of [
    'nodetaggers/nodetagger.sh',
    'nodetaggers/nodetagger.mjs',
    'nodegrouper',
    'poll.sh',
    'server.yml',
    'cron/client',
    'cron/admin',
    'systemd/tagwave-server.service',
    'systemd/tagwave-poll.service',
    'systemd/tagwave-poll.timer',
    'systemd/tagwave-watch.service',
    'client.yml',
    'layered-repo',
    'hooks/pre-receive',
    'prometheus.yml',
    'prometheus-rules.yml',
    'grafana-dashboard.json',
    'Dockerfile',
  ]) {
    expect(readme).toContain(`(samples/${sample})`);
  }
});
