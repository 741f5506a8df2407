import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { parseHooks } from '../../protocol/hooks.ts';
import { digestOf } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import type { Views } from '../../server/ports/content.ts';
import { UnfitContent } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { contentOf, labOn, manifestOf, node, viewLab } from '../rig/view-lab.ts';

const LAYERS = 'layers: [common, "env/{environment}", "group/{group}", "host/{hostname}"]\n';
const A = node('a');
const B = node('b');

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable('it went well'),
    (error: Error) => error,
  );
}

async function archiveList(views: Views, digest: Digest): Promise<string> {
  const stored = await views.archive(digest);
  return (await execa('tar', ['-tvzf', stored?.path ?? '', '--numeric-owner'])).stdout;
}

describe('layers', () => {
  it('lie on top of each other, the later ones win, and one that does not exist is empty', async () => {
    const lab = await viewLab({
      'deploy.yml': LAYERS,
      'common/motd': 'common',
      'common/same': 'same',
      'env/production/motd': 'production',
      'group/web/motd': 'web',
      'group/db/motd': 'db',
      'group/db/db.conf': 'db',
      'host/a.example.com/motd': 'a',
      'README.md': 'not content',
    });
    const tree = await lab.repository.tree();
    const motd = async (of: typeof A) => (await contentOf(lab.views, tree, of))['motd'];
    expect(await contentOf(lab.views, tree, A)).toEqual({ motd: 'a', same: 'same' });
    expect(await motd(B)).toBe('production');
    expect(await motd(node('b', { environment: 'qa' }))).toBe('common');
    expect(await motd(node('b', { groups: ['web', 'db'] }))).toBe('db');
    expect(await motd(node('b', { groups: ['db', 'web'] }))).toBe('web');
    expect(await contentOf(lab.views, tree, node('b', { groups: ['db', 'web'] }))).toHaveProperty(['db.conf'], 'db');
  });

  it('take away what .wh.NAME names, files and whole directories, of earlier layers only', async () => {
    const lab = await viewLab({
      'deploy.yml': LAYERS,
      'common/etc/motd': 'm',
      'common/etc/issue.liquid': 'i',
      'common/etc/ntp/ntp.conf': 'n',
      'common/etc/ntp/keys': 'k',
      'common/etc/ntpd': 'stays',
      'env/production/etc/.wh.ntp': '',
      'env/production/etc/.wh.issue': '',
      'env/production/etc/ntp/only': 'o',
      'host/a.example.com/etc/.wh.motd': '',
      'host/a.example.com/etc/.wh.nosuch': '',
    });
    const tree = await lab.repository.tree();
    expect(await contentOf(lab.views, tree, A)).toEqual({ 'etc/ntp/only': 'o', 'etc/ntpd': 'stays' });
    expect(await contentOf(lab.views, tree, B)).toEqual({ 'etc/motd': 'm', 'etc/ntp/only': 'o', 'etc/ntpd': 'stays' });
  });

  it('win whole where one has a file and the other a directory', async () => {
    const lab = await viewLab({
      'deploy.yml': LAYERS,
      'common/a/x': 'x',
      'common/b': 'b',
      'host/a.example.com/a': 'file',
      'host/a.example.com/b/y': 'y',
    });
    expect(await contentOf(lab.views, await lab.repository.tree(), A)).toEqual({ a: 'file', 'b/y': 'y' });
  });

  it('by a fact that a host claims never lead out of their directory', async () => {
    const lab = await viewLab({
      'deploy.yml': 'layers: ["os/{os}"]\nfacts: [os]\n',
      'os/debian/f': 'debian',
      'secret/f': 'secret',
    });
    const tree = await lab.repository.tree();
    const seen = (os: string) => contentOf(lab.views, tree, node('a', { facts: { os } }));
    expect(await seen('debian')).toEqual({ f: 'debian' });
    for (const os of ['../secret', '..', '.', '', 'debian/../../secret', 'nosuch', 'a\0b'])
      expect(await seen(os)).toEqual({});
    expect(await contentOf(lab.views, tree, A)).toEqual({});
  });

  it('in one of which two files become the same path are refused', async () => {
    const lab = await viewLab({ 'deploy.yml': LAYERS, 'common/motd': 'm', 'common/motd.liquid': 'm' });
    const error = await failureOf(lab.views.ofNode(await lab.repository.tree(), A));
    expect(error).toBeInstanceOf(UnfitContent);
    expect(error.message).toBe(
      'common/motd.liquid becomes "motd", and so does "motd" in the same layer: keep one of them',
    );
  });

  it('hold links as they are, also where they end in .liquid', async () => {
    const lab = await viewLab({ 'deploy.yml': LAYERS, 'common/real': 'r' });
    await symlink('/etc/{{ nosuch }}', join(lab.repository.work, 'common/link.liquid'));
    await lab.repository.commit();
    expect(await contentOf(lab.views, await lab.repository.tree(), A)).toEqual({
      'link.liquid': '-> /etc/{{ nosuch }}',
      real: 'r',
    });
  });

  it('cannot bring what is reserved', async () => {
    for (const path of ['common/.tagwave/hooks.json', 'common/.tagwave.liquid', 'common/.tagwave/x']) {
      const lab = await viewLab({ 'deploy.yml': LAYERS, [path]: '{"hooks":[],"verify":[]}' });
      const error = await failureOf(lab.views.ofNode(await lab.repository.tree(), A));
      expect(error.message).toMatch(/^common\/\.tagwave.* is reserved: rename it$/);
    }
  });
});

describe('without layers', () => {
  it('the whole tree is one, in which templates and vars count', async () => {
    const lab = await viewLab({
      'deploy.yml': 'vars: ["vars/{environment}.yml"]\n',
      'etc/motd.liquid': '{{ hostname }}: {{ word }}\n',
      'etc/.wh.gone': '',
      'vars/production.yml': 'word: hello\n',
      'vars/qa.yml': 'word: other\n',
      'vars/README': 'content',
    });
    expect(await contentOf(lab.views, await lab.repository.tree(), A)).toEqual({
      'etc/motd': 'a.example.com: hello\n',
      'vars/README': 'content',
    });
  });

  it('and without deploy.yml the view is what it always was, whoever asks', async () => {
    const lab = await viewLab({ 'a.liquid': '{{ nosuch', 'x/.wh.y': '', 'vars/a.yml': '[' });
    const tree = await lab.repository.tree();
    const lines = [
      ['a.liquid', '{{ nosuch'],
      ['vars/a.yml', '['],
      ['x/.wh.y', ''],
    ].map(([path = '', text = '']) => {
      const sha256 = createHash('sha256').update(text).digest('hex');
      return `{"path":"${path}","mode":"100644","size":${text.length},"sha256":"${sha256}"}\n`;
    });
    const digest = `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
    expect((await lab.views.ofTree(tree)).digest).toBe(digest);
    for (const of of [A, B]) expect((await lab.views.ofNode(tree, of)).digest).toBe(digest);
    expect(await lab.views.isCommon(digest as Digest)).toBe(true);
    expect(lab.rendered).toEqual([]);
  });
});

describe('templates', () => {
  it('see hostname, environment, groups, the named facts, and the vars of all files, merged', async () => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}vars: [vars/common.yml, "vars/{environment}.yml", "vars/{hostname}.yml", vars/none.yml]\nfacts: [os]\n`,
      'common/all.liquid':
        '{{ hostname }} {{ environment }} {{ groups | join: "," }} {{ facts.os }} {{ ntp.servers | join: "," }} {{ ntp.a }}{{ ntp.b }}',
      'vars/common.yml': 'ntp: {servers: [one, two], a: 1, b: 2}\n',
      'vars/production.yml': 'ntp: {servers: [three]}\n',
      'vars/a.example.com.yml': 'ntp: {b: 3}\n',
    });
    const a = node('a', { groups: ['web', 'db'], facts: { os: 'debian', kernel: '6' } });
    expect((await contentOf(lab.views, await lab.repository.tree(), a))['all']).toBe(
      'a.example.com production web,db debian three 13',
    );
  });

  it.each([
    ['{{ ntp.server }}', 'line 2: undefined variable ntp.server'],
    ['{{ facts.kernel }}', 'line 2: undefined variable facts.kernel'],
    ['{{ ntp | nosuch }}', 'line 2: undefined filter: nosuch'],
    ['{% include "other" %}', 'line 2: the tag "include" is not available: a template stands for itself'],
    ['{{ "now" | date: "%Y" }}', 'line 2: undefined filter: date'],
    ['{% if ntp %}', 'line 2: tag {% if ntp %} not closed'],
    ['{% for i in (1..1000000) %}{{ i }}{% endfor %}', 'line 2: it takes more than 100000 steps'],
    ['{{ constructor }}', 'line 2: undefined variable constructor'],
  ])('with %s fail, naming file and line', async (text, what) => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}vars: [vars.yml]\n`,
      'vars.yml': 'ntp: {servers: []}\n',
      'common/etc/ntp.conf.liquid': `first\n${text}\n`,
    });
    const tree = await lab.repository.tree();
    const error = await failureOf(lab.views.ofNode(tree, node('a', { facts: { kernel: '6' } })));
    expect(error).toBeInstanceOf(UnfitContent);
    expect(error.message).toContain('common/etc/ntp.conf.liquid ');
    expect(error.message).toContain(what);
    expect((await failureOf(lab.views.ofNode(tree, A))).message).toContain('common/etc/ntp.conf.liquid ');
  });

  it('may ask for what is not there', async () => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}facts: [os]\n`,
      'common/f.liquid':
        '{% if facts.os == "debian" %}d{% else %}?{% endif %}{{ nosuch | default: "x" }}{{ facts.os | default: "y" }}',
    });
    expect(await contentOf(lab.views, await lab.repository.tree(), A)).toEqual({ f: '?xy' });
  });
});

describe('vars', () => {
  it.each([
    ['hostname: me\n', 'expected a name of its own'],
    ['- a\n', 'expected a mapping of names to values'],
    ['a: [\n', 'expected valid YAML'],
  ])('of %j are told wrong with file and line', async (text, what) => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}vars: ["vars/{environment}.yml"]\n`,
      'common/f.liquid': 'f',
      'vars/production.yml': text,
    });
    const { flaw } = await lab.views.check(await lab.repository.tree(), [], { everyFile: true });
    expect(flaw).toContain('vars/production.yml line ');
    expect(flaw).toContain(what);
  });
});

describe('attributes and hooks', () => {
  it('are part of the manifest; permissions are in the archive, and of links there are none', async () => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}exclude: ["**/*.md"]
files:
  "etc/**": {owner: root, group: adm, perm: "640"}
  "etc/sudoers": {perm: "0440"}
`,
      'common/etc/sudoers': 's',
      'common/etc/other': 'o',
      'common/etc/NOTES.md': 'n',
      'common/run': 'r',
    });
    await symlink('sudoers', join(lab.repository.work, 'common/etc/link'));
    await lab.repository.commit();
    const { digest } = await lab.views.ofNode(await lab.repository.tree(), A);
    const found = (await manifestOf(lab.views, digest)).map(({ path, perm, owner, group }) => [
      path,
      perm,
      owner,
      group,
    ]);
    expect(found).toEqual([
      ['etc/link', undefined, 'root', 'adm'],
      ['etc/other', '0640', 'root', 'adm'],
      ['etc/sudoers', '0440', 'root', 'adm'],
      ['run', undefined, undefined, undefined],
    ]);
    const list = await archiveList(lab.views, digest);
    expect(list).toMatch(/^-r--r----- 0\/0 .* etc\/sudoers$/m);
    expect(list).toMatch(/^-rw-r----- 0\/0 .* etc\/other$/m);
    expect(list).toMatch(/^-rw-r--r-- 0\/0 .* run$/m);
  });

  it('are in the view of those nodes only that they apply to', async () => {
    const lab = await viewLab({
      'deploy.yml': `${LAYERS}hooks:
  - {when: "etc/nginx/**", test: "nginx -t", run: [systemctl, reload, nginx]}
  - {when: [etc/never], run: "never"}
  - {run: "production only", environments: [production]}
  - {run: "db only", groups: [db]}
verify:
  - {tcp: "localhost:80", groups: [web]}
`,
      'common/motd': 'm',
      'group/web/etc/nginx/nginx.conf': 'n',
    });
    const tree = await lab.repository.tree();
    const hooks = async (of: typeof A) => {
      const content = (await contentOf(lab.views, tree, of))['.tagwave/hooks.json'];
      return content === undefined ? undefined : parseHooks(Buffer.from(content));
    };
    expect(await hooks(node('a', { environment: 'qa' }))).toBeUndefined();
    expect(await hooks(A)).toEqual({ hooks: [{ run: 'production only' }], verify: [] });
    expect(await hooks(node('a', { environment: 'qa', groups: ['db', 'web'] }))).toEqual({
      hooks: [{ when: ['etc/nginx/**'], test: 'nginx -t', run: ['systemctl', 'reload', 'nginx'] }, { run: 'db only' }],
      verify: [{ tcp: 'localhost:80' }],
    });
  });
});

describe('a node', () => {
  const secrets = {
    'deploy.yml': LAYERS,
    'common/motd': 'common',
    'host/a.example.com/key': 'the secret of a',
    'host/b.example.com/key': 'the secret of b',
  };

  it('gets nothing of another one, in manifest and archive', async () => {
    const lab = await viewLab(secrets);
    const tree = await lab.repository.tree();
    const { digest } = await lab.views.ofNode(tree, B);
    const sum = createHash('sha256').update('the secret of a').digest('hex');
    expect((await manifestOf(lab.views, digest)).map((entry) => entry.sha256)).not.toContain(sum);
    const stored = await lab.views.archive(digest);
    const { stdout } = await execa('tar', ['-xzOf', stored?.path ?? '']);
    expect(stdout).toContain('the secret of b');
    expect(stdout).not.toContain('the secret of a');
    expect(await lab.views.isCommon(digest)).toBe(false);
  });

  it('with the same inputs as another one shares its view, on every server', async () => {
    const lab = await viewLab({ ...secrets, 'common/env.liquid': '{{ environment }}' });
    const tree = await lab.repository.tree();
    const [c, d] = [
      await lab.views.ofNode(tree, node('c')),
      await lab.views.ofNode(tree, node('d', { groups: ['x'] })),
    ];
    expect(c).toEqual(d);
    const elsewhere = await labOn(lab.repository, await disposableDirectory());
    expect(await elsewhere.views.ofNode(tree, node('d'))).toEqual(c);
    expect((await elsewhere.views.archive(c.digest))?.sha256).toBe((await lab.views.archive(c.digest))?.sha256);
    expect(lab.rendered).toEqual(['common/env.liquid']);
  });

  it('has its view after a restart without anything being rendered, and by digest from what is recorded', async () => {
    const lab = await viewLab({ ...secrets, 'common/name.liquid': '{{ hostname }}' });
    const tree = await lab.repository.tree();
    const view = await lab.views.ofNode(tree, A);
    const good = await lab.views.archive(view.digest);
    const later = await lab.reopen();
    expect(await later.views.ofNode(tree, A)).toEqual(view);
    expect(later.rendered).toEqual([]);
    await rm(join(lab.stateDir, 'views', view.digest.slice(7), 'manifest'));
    await rm(join(lab.stateDir, 'views', view.digest.slice(7), 'archive.tar.gz'));
    const last = await lab.reopen();
    expect((await last.views.archive(view.digest))?.sha256).toBe(good?.sha256);
    expect(last.rendered).toEqual(['common/name.liquid']);
  });

  it('is told the reason again and again where it cannot have its view, while others get theirs', async () => {
    const lab = await viewLab({
      ...secrets,
      'host/a.example.com/f.liquid': '{{ nosuch }}',
    });
    const tree = await lab.repository.tree();
    for (const _again of [1, 2])
      expect((await failureOf(lab.views.ofNode(tree, A))).message).toBe(
        'host/a.example.com/f.liquid line 1: undefined variable nosuch',
      );
    expect((await lab.views.ofNode(tree, B)).files).toBe(2);
    expect(lab.rendered).toHaveLength(1);
    expect(await lab.views.check(tree, [B])).toEqual({ isLayered: true, flaw: null });
    expect(await lab.views.check(tree, [B, A])).toEqual({
      isLayered: true,
      flaw: 'host/a.example.com/f.liquid line 1: undefined variable nosuch, for a.example.com',
    });
  });
});

describe('a wrong deploy.yml', () => {
  it('is told with all its errors, line by line', async () => {
    const lab = await viewLab({
      'deploy.yml': 'layers: [common, "env/{enviroment}"]\nfiles:\n  "etc/x": {perm: 0440}\nhook: []\n',
      'common/f': 'f',
    });
    const { isLayered, flaw } = await lab.views.check(await lab.repository.tree(), [A]);
    expect(isLayered).toBe(true);
    expect(flaw).toContain(
      'deploy.yml line 1: layers.1: expected placeholders among {hostname}, {environment}, {group}',
    );
    expect(flaw).toContain('found {enviroment}');
    expect(flaw).toContain('deploy.yml line 3: files.etc/x.perm: expected three or four octal digits in quotes');
    expect(flaw).toContain('deploy.yml line 4: hook: expected one of the keys');
  });
});

it('archives take no more room than they may: the one asked for longest ago goes first, also after a restart', async () => {
  const lab = await viewLab({ 'deploy.yml': LAYERS, 'common/name.liquid': '{{ hostname }}' });
  const tree = await lab.repository.tree();
  const digests: Digest[] = [];
  for (const name of ['a', 'b', 'c']) digests.push((await lab.views.ofNode(tree, node(name))).digest);
  const kept = async () => {
    const present = digests.map((digest) => existsSync(join(lab.stateDir, 'views', digest.slice(7), 'archive.tar.gz')));
    return digests.flatMap((_digest, index) => (present[index] ? ['abc'[index]] : [])).join('');
  };
  const [a, b, c] = digests as [Digest, Digest, Digest];
  const manifest = (await lab.views.manifest(a))?.size ?? 0;
  const size = ((await lab.views.archive(a))?.size ?? 0) + manifest;
  await lab.views.archive(b);
  const tight = await labOn(lab.repository, lab.stateDir, { archiveCacheBytes: 2 * size + manifest + 20 });
  await tight.views.archive(a);
  expect(await kept()).toBe('ab');
  await tight.views.archive(c);
  expect(await kept()).toBe('ac');
  expect((await tight.views.archive(b))?.size).toBeGreaterThan(0);
  expect(await kept()).toBe('bc');
});

it('manifests take no more room than they may either, and one that had to go is made again', async () => {
  const lab = await viewLab({ 'deploy.yml': LAYERS, 'common/name.liquid': '{{ hostname }}' });
  const tree = await lab.repository.tree();
  const { digest } = await lab.views.ofNode(tree, node('first'));
  const size = (await lab.views.manifest(digest))?.size ?? 0;
  const tight = await labOn(lab.repository, await disposableDirectory(), { archiveCacheBytes: 5 * size });
  const digests: Digest[] = [];
  for (let host = 10; host < 40; host++) digests.push((await tight.views.ofNode(tree, node(`host${host}`))).digest);
  const there = digests.filter((one) => existsSync(join(tight.stateDir, 'views', one.slice(7), 'manifest')));
  expect(there.length).toBeLessThanOrEqual(5);
  expect(there).toContain(digests.at(-1));
  for (const one of digests) expect(digestOf(await readFile((await tight.views.manifest(one))?.path ?? ''))).toBe(one);
});

describe('pruning', () => {
  const at = Date.parse('2026-11-20T08:00:00Z');
  const files = { 'deploy.yml': LAYERS, 'common/motd': 'm', 'host/a.example.com/key': 'k' };

  it('keeps the views of kept trees and drops the others', async () => {
    const lab = await viewLab(files);
    const first = await lab.repository.tree();
    const old = await lab.views.ofNode(first, A);
    const second = await lab.change({ 'common/motd': 'new' });
    const now = await lab.views.ofNode(second, A);
    expect(await lab.views.prune([second], at)).toEqual([old.digest]);
    expect(await lab.views.archive(old.digest)).toBeUndefined();
    expect((await lab.views.archive(now.digest))?.size).toBeGreaterThan(0);
  });

  it('lets a view outlive the tree that it was made of, where another one has it', async () => {
    const lab = await viewLab(files);
    const first = await lab.repository.tree();
    const view = await lab.views.ofNode(first, A);
    const second = await lab.change({ 'host/b.example.com/key': 'other' });
    expect(await lab.views.ofNode(second, A)).toEqual(view);
    expect(await lab.views.prune([second], at)).toEqual([]);
    const later = await lab.reopen();
    expect(await later.views.prune([second], at)).toEqual([]);
    await rm(join(lab.stateDir, 'views', view.digest.slice(7), 'manifest'), { force: true });
    expect((await manifestOf(later.views, view.digest)).map(({ path }) => path)).toEqual(['key', 'motd']);
  });
});
