import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { expect, test } from 'vitest';
import { SETTING_KEYS } from '../../server/settings/schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, 'samples/Dockerfile'), 'utf8');
/** One a line, less comments. */
const instructions = text
  .replaceAll(/^\s*#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ word: line.split(' ', 1)[0] ?? '', rest: line.replace(/^\S+ /, '') }));
const of = (word: string) => instructions.filter((each) => each.word === word).map(({ rest }) => rest);
/** What is in the image that is kept: from the last FROM on. */
const kept = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));

test('the sample Dockerfile has nothing that a validator finds fault with', () => {
  expect(validate(text).map(({ range, message }) => `line ${range.start.line + 1}: ${message}`)).toEqual([]);
  // It would have noticed.
  expect(validate('FROM node:20\nMAINTAINER me\nEXPOSE x\n')).toHaveLength(2);
});

test('it begins with images of one major version, of the Node that the tests run on', () => {
  expect(of('FROM')).toHaveLength(2);
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  const [major = ''] = /\d+/.exec(engines.node) ?? [];
  for (const image of of('FROM')) expect(image).toMatch(new RegExp(`^node:${major}-bookworm(-slim)?( AS \\w+)?$`));
});

test('it ends as somebody who is not root, is looked after, and has programs without a shell', () => {
  const last = (word: string) => kept.findLast((each) => each.word === word)?.rest;
  expect(last('USER')).toMatch(/^[1-9]\d+:[1-9]\d+$/);
  expect(kept.findLastIndex(({ word }) => word === 'USER')).toBeGreaterThan(
    kept.findLastIndex(({ word }) => word === 'RUN'),
  );
  expect(last('HEALTHCHECK')).toContain('/healthz');
  for (const word of ['ENTRYPOINT', 'CMD']) expect(JSON.parse(last(word) ?? '')).toEqual([expect.any(String)]);
});

test('there is no secret in it, nothing that is fetched by name only, and no cache left', () => {
  expect(of('ARG')).toEqual([]);
  expect(of('ADD')).toEqual([]);
  expect(text).not.toMatch(/(token|password|secret|api_?key)\w*=/i);
  for (const run of of('RUN').filter((each) => each.includes('apt-get')))
    expect(run).toMatch(/--no-install-recommends .*rm -rf \/var\/lib\/apt\/lists/);
  const ignored = readFileSync(join(ROOT, 'samples/Dockerfile.dockerignore'), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', '**/*.key', '**/*.pem', '**/.env*']));
});

test('its variables are settings of the server, and what it copies is what a build makes', () => {
  const variables = [...text.matchAll(/\b(TAGWAVE_[A-Z_]+)=/g)].map(([, name = '']) => name);
  const known = new Set([
    'TAGWAVE_BASE',
    ...SETTING_KEYS.map((key) => `TAGWAVE_${key.toUpperCase().replaceAll('.', '_')}`),
  ]);
  expect(variables.length).toBeGreaterThan(2);
  expect(variables.filter((name) => !known.has(name))).toEqual([]);
  const copied = of('COPY').flatMap((rest) => [...rest.matchAll(/\/src\/(\S+)/g)].map(([, path = '']) => path));
  expect(copied).toEqual(['package.json', 'LICENSE', 'node_modules', 'dist']);
  for (const path of ['package.json', 'LICENSE']) expect(existsSync(join(ROOT, path))).toBe(true);
});
