import { isAbsolute, normalize } from 'node:path';
import {
  hourOf,
  parseDigest,
  parseEnvironment,
  parseHostname,
  parseObjectId,
  parseRelativePath,
  parseTagName,
  tagNameOf,
} from '../../../protocol/names.ts';
import { pathGlob } from '../../../protocol/path-globs.ts';
import { matchesGlob, parseHostPattern } from '../../../server/core/globs.ts';
import { parseInstant, parsePinTag } from '../../../server/core/pin-tag.ts';
import { expandPattern, parsePathPattern, patternMatcher } from '../../../server/core/placeholders.ts';
import { digestOfToken, parseTokenId } from '../../../server/core/token.ts';
import { parseListen } from '../../../server/settings/listen.ts';
import { textsOf } from '../inputs.ts';
import { must, type Target, target } from '../target.ts';

const WORDS = [
  ...['web1', 'example', 'com', 'WEB1.Example.Com.', '-web1', 'a', 'a'.repeat(63), 'a'.repeat(64), '.', '-', '*', '**'],
  ...['etchautotag-20261120-0800', 'tags/', 'etchautotag-', '20261120', '-0800', '0860', '20260230', 'trunk', 'trunk-'],
  ...[
    'sha256:',
    'f'.repeat(64),
    '0'.repeat(40),
    'production',
    '2026-11-20T08:00Z',
    '2026-02-30T00:00:00+25:00',
    'T',
    'Z',
  ],
  ...[
    'etc/motd',
    '.tagwave/',
    'hooks.json',
    '{hostname}',
    '{group}',
    '{a}',
    '{',
    '}',
    '?',
    '[a-z]',
    '(a|b)',
    '@(a)',
    '!(a)',
  ],
  ...['127.0.0.1:', '[::1]:', '8420', '65536', 'twn_', 'twa_', 'A'.repeat(43)],
];

const NODE = {
  hostname: 'web1' as never,
  environment: 'production' as never,
  groups: ['prod', '..'],
  facts: { a: '../x' },
};

export const names: Target = target({
  name: 'names',
  weight: 3,
  words: WORDS,
  inputs: textsOf(WORDS, ['', '', '.', '/']),
  check(input) {
    const text = input.toString();
    const hostname = parseHostname(text);
    if (hostname !== undefined) {
      must(/^[a-z0-9.-]{1,253}$/.test(hostname) && !hostname.includes('..'), 'a host name is plain', hostname);
      must(parseHostname(hostname) === hostname, 'a host name is read as itself', hostname);
    }
    const tag = parseTagName(text);
    if (tag !== undefined) must(tagNameOf(hourOf(tag)) === tag && text.endsWith(tag), 'a tag is its hour', text);
    const path = parseRelativePath(text);
    if (path !== undefined) {
      must(
        !isAbsolute(path) && !path.includes('\0') && !/^\.\.(\/|$)/.test(normalize(path)),
        'a path stays inside',
        path,
      );
      must(!path.split('/').some((part) => ['', '.', '..'].includes(part)), 'a path has no empty or dotted part', path);
      must(Buffer.from(path).toString() === path, 'a path is the same as bytes', path);
    }
    for (const parsed of [parseDigest(text), parseObjectId(text), parseEnvironment(text), parseTokenId(text)])
      if (parsed !== undefined) must(/^[a-z0-9._:-]+$/.test(parsed) && parsed === text, 'names are plain', text);
    if (digestOfToken(text) !== undefined) must(text.length === 47, 'a token has a fixed length', text);
    const at = parseInstant(text);
    if (at !== undefined) must(Number.isFinite(at), 'an instant is a number', text);
    const pin = parsePinTag(text);
    if (pin !== undefined) must(pin === 'trunk' || text.endsWith(pin), 'a pin is what is written', text);
    const listen = parseListen(text);
    if (listen !== undefined) must(listen.port >= 0 && listen.port <= 65535, 'a port is one', text);
    patterns(text);
  },
});

function patterns(text: string): void {
  const host = parseHostPattern(text);
  const name = parseHostname(`${'a'.repeat(60)}.${'b'.repeat(60)}.c`);
  if (host?.kind === 'glob' && name !== undefined) matchesGlob(host.glob, name);
  const path = `${'a/'.repeat(40)}${'a'.repeat(80)}`;
  // The library behind it tries ways to match one after the other: on long paths some patterns would not end.
  pathGlob(text)?.('etc/a/aaa');
  const pattern = parsePathPattern(text);
  if (pattern === undefined) return;
  for (const expanded of expandPattern(pattern, NODE))
    must(parseRelativePath(expanded) === expanded, 'what a pattern stands for stays inside', expanded);
  patternMatcher(pattern)(path);
}
