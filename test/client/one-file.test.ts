import { readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientYml } from '../../client/core/installation.ts';
import { sealed, unsealed } from '../../client/core/seal.ts';
import { EMPTY_STATE } from '../../client/core/state.ts';
import { parseState } from '../../client/core/state-schema.ts';
import { bundleClient } from '../rig/client-bundle.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { pollArgs, runProcess } from './run-client.ts';
import { serveView, type ViewServer, viewOf } from './serve-view.ts';

const FILES = { 'etc/motd': 'hello\n' };

interface Part {
  readonly name: string;
  /** The sources in it. */
  readonly files: readonly string[];
  readonly code: string;
  /** It is code from the start; otherwise it is text until it is wanted. */
  readonly isCode: boolean;
}

interface Built {
  readonly text: string;
  readonly parts: readonly Part[];
}

async function build(): Promise<Built> {
  const path = join(await disposableDirectory(), 'tagwave.cjs');
  await bundleClient(path);
  const text = await readFile(path, 'utf8');
  const [start = '', later = ''] = text.split('\nfunction later() {\n');
  const codes = [
    ...start.matchAll(/^\/\/ (.*)\n'(\.\/.+)': \(function \(exports, require, module\) \{\n([\s\S]*?)\n\}\),$/gm),
  ];
  const texts = later.split(/^\/\/@part /m).slice(1, -1);
  return {
    text,
    parts: [
      ...codes.map(([, files = '', name = '', code = '']) => ({ name, files: files.split(' '), code, isCode: true })),
      ...texts.map((section) => {
        const [head = '', files = '', ...lines] = section.trimEnd().split('\n');
        const code = lines.map((line) => line.slice(2)).join('\n');
        return { name: head.split(' ')[0] ?? '', files: files.slice(5).split(' '), code, isCode: false };
      }),
    ],
  };
}

let once: Promise<Built> | undefined;

/** Made once. */
function built(): Promise<Built> {
  once ??= build();
  return once;
}

/** As a server does that has nothing new. */
function answerNotModified(server: ViewServer): void {
  const { answer } = server;
  server.answer = (question, number) =>
    question.headers['if-none-match'] === undefined ? answer(question, number) : { status: 304 };
}

describe('the client', () => {
  test('is one file without native parts, which asks for nothing but what Node has itself, and is no larger than 1.5 MB', async () => {
    const { text, parts } = await built();
    expect(Buffer.byteLength(text)).toBeLessThan(1.5 * 1024 * 1024);
    const wanted = parts.flatMap(({ code }) =>
      [...code.matchAll(/\brequire\d*\("([^"]+)"\)/g)].map(([, name]) => name ?? ''),
    );
    expect(wanted.length).toBeGreaterThan(100);
    const known = new Set([
      ...parts.map(({ name }) => name),
      ...builtinModules,
      ...builtinModules.map((name) => `node:${name}`),
    ]);
    expect([...new Set(wanted)].filter((name) => !known.has(name))).toEqual([]);
    expect(text).not.toContain('.node"');
    expect(text.startsWith('#!/usr/bin/env node\n// tagwave ')).toBe(true);
  });

  test('is the same whenever it is built from the same sources', async () => {
    expect((await build()).text).toBe((await built()).text);
  });

  test('has only parts that Node understands, those that are text at first too', async () => {
    const { parts } = await built();
    const late = parts.filter(({ isCode }) => !isCode);
    expect(late.flatMap(({ files }) => files)).toEqual(
      expect.arrayContaining(['client/adapters/stage.ts', 'client/commands/watch.ts']),
    );
    for (const { code } of late) compileFunction(code, ['exports', 'require', 'module']);
  });

  test('loads for a run without changes no package, nothing that changes a host, and no TLS', async () => {
    const { parts } = await built();
    const server = await serveView(await viewOf(FILES));
    answerNotModified(server);
    const place = await disposableDirectory();
    const target = join(place, 'target');
    const hook = join(place, 'hook.cjs');
    const modules = join(place, 'modules.json');
    await writeFile(
      hook,
      `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(modules)}, JSON.stringify(process.moduleLoadList)));\n`,
    );
    const config = join(place, 'client.yml');
    await writeFile(config, clientYml({ servers: [server.url], hostname: 'web1', target, root: undefined }));
    const args = ['poll', '--config', config];
    await runProcess(args);
    const idle = await runProcess(args, { env: { NODE_DEBUG: 'tagwave', NODE_OPTIONS: `--require ${hook}` } });
    expect(idle).toMatchObject({ code: 0, stdout: '' });
    const loaded = [...idle.stderr.matchAll(/^TAGWAVE \d+: (.+)$/gm)].map(([, name]) =>
      parts.find((part) => part.name === name),
    );
    expect(loaded.length).toBeGreaterThan(5);
    expect(loaded.filter((part) => part?.isCode !== true)).toEqual([]);
    const files = loaded.flatMap((part) => part?.files ?? []);
    expect(files).toContain('client/commands/poll.ts');
    expect(files.filter((file) => file.startsWith('node_modules/'))).toEqual([]);
    expect(
      files.filter((file) =>
        /in-place|config-text|stage|unpack|hook-runner|activation|mend|schema|arguments/.test(file),
      ),
    ).toEqual([]);
    const natives = JSON.parse(await readFile(modules, 'utf8')) as string[];
    expect(natives).toContain('NativeModule http');
    expect(
      natives.filter((name) => /^NativeModule (https|tls|_tls_wrap|zlib|worker_threads|inspector|vm)$/.test(name)),
    ).toEqual([]);
  });

  test('shows lines of its one file where something goes wrong in a part that came late', async () => {
    const { text } = await built();
    const place = await disposableDirectory();
    const hook = join(place, 'hook.cjs');
    await writeFile(hook, "Date.now = () => { throw new TypeError('no clock') };\n");
    const failed = await runProcess(['status', '--target', place], { env: { NODE_OPTIONS: `--require ${hook}` } });
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('TypeError: no clock') });
    const [, line, column] = /at (?:Object\.)?status \(.*tagwave\.cjs:(\d+):(\d+)\)/.exec(failed.stderr) ?? [];
    const source = text.split('\n')[Number(line) - 1] ?? '';
    expect(source.slice(2 + Number(column) - 1)).toMatch(/^now\(\)/);
  });

  test('goes on as what it was where its file is replaced while it runs', async () => {
    const { text } = await built();
    const path = join(await disposableDirectory(), 'tagwave.cjs');
    await writeFile(path, text);
    const server = await serveView(await viewOf(FILES));
    const { answer } = server;
    server.answer = async (question, number) => {
      // What is to be put into use is understood by parts that nobody has asked for yet.
      await writeFile(path, 'not what it was\n');
      return answer(question, number);
    };
    const target = await disposableDirectory();
    const args = pollArgs(server, target, '--config', '/dev/null');
    const { stdout } = await execa(process.execPath, [path, ...args], { extendEnv: false });
    expect(stdout).toContain('web1: now on');
  });
});

describe('what a host remembers', () => {
  const state = { ...EMPTY_STATE, server: 'http://a.example', facts: { os: 'debian' } };

  test('is taken as it is by the build that wrote it, and by no other', () => {
    expect(unsealed(sealed(state, 'a'), 'a')).toEqual(state);
    expect(unsealed(sealed(state, 'a'), 'b')).toBeUndefined();
    expect(unsealed(sealed(state, 'a'), undefined)).toBeUndefined();
    expect(unsealed(sealed(state, undefined), 'a')).toBeUndefined();
  });

  test('is JSON that every build understands when it looks at each field', () => {
    expect(parseState(sealed(state, 'a'))).toEqual(state);
    expect(parseState(sealed(state, undefined))).toEqual(state);
  });

  test('is looked at field by field where anything in it was changed', () => {
    const text = sealed(state, 'a');
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom('0', 'x', ' ', '"'), (at, character) => {
        fc.pre(text[at] !== character);
        expect(unsealed(text.slice(0, at) + character + text.slice(at + 1), 'a')).toBeUndefined();
      }),
    );
    expect(unsealed(text.slice(0, -1), 'a')).toBeUndefined();
    expect(unsealed(`${text}\n`, 'a')).toBeUndefined();
  });

  test('counts although somebody wrote it by hand', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    await runProcess(pollArgs(server, target));
    const file = join(target, 'state.json');
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/"seal": "[0-9a-f]{64}"/);
    const held = { release: 'x', digest: null, tag: null, at: '2026-11-20T08:00:00Z', reason: 'by hand', left: [] };
    await writeFile(file, text.replace('"held": null', `"held": ${JSON.stringify(held)}`));
    expect(await runProcess(pollArgs(server, target))).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('by hand'),
    });
  });
});
