import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { parseEnvironment, parseHostname, parseRelativePath, parseTagName } from '../../protocol/names.ts';
import { pathGlob } from '../../protocol/path-globs.ts';
import { matchesGlob, parseGlob } from '../../server/core/globs.ts';
import { parsePins } from '../../server/core/pins.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { editTagstate } from '../../server/core/tagstate-edit.ts';
import { digestOfToken } from '../../server/core/token.ts';
import { isEmptyYaml } from '../../server/core/yaml-file.ts';
import { acceptsGzip } from '../../server/http/content.ts';
import { namesEtag } from '../../server/http/etag.ts';
import { isJson } from '../../server/http/guard.ts';
import { sessionTokenIn } from '../../server/http/session-cookie.ts';

const HOST = parseHostname(`${'a'.repeat(60)}.${'a'.repeat(60)}.${'a'.repeat(60)}.example.com`);
const TAG = parseTagName('etchautotag-20261120-0800');
const gzip = (accepted: string) =>
  acceptsGzip({ headers: { 'accept-encoding': accepted } } as unknown as IncomingMessage);

/** What reads text from outside, and the texts of which each tries a longer and longer one. */
const READERS: readonly (readonly [string, (text: string) => unknown, readonly string[]])[] = [
  ['a host name', parseHostname, ['a', 'a.', 'a-', '-', '.', 'a--']],
  ['an environment', parseEnvironment, ['a', '.-', '_']],
  ['the name of a tag', parseTagName, ['tags/', 'etchautotag-', '0', '-']],
  ['a path', parseRelativePath, ['a/', '../', './', '//', 'a']],
  ['a glob of paths', (text) => pathGlob(`${text}b`), ['*', '**/', 'a*', '?']],
  ['a glob of hosts', (text) => globbed(`${text}b`), ['*', '*.', 'a*', '**', '*a']],
  ['If-None-Match', (text) => namesEtag(text, '"e"'), ['"a",', 'W/', ' ', ',', '"']],
  ['Accept-Encoding', gzip, ['gzip;', 'gzip;q=0,', ' ', ',', ';q=']],
  ['Content-Type', isJson, ['application/json', ';', ' ', '/']],
  ['Authorization', digestOfToken, ['twa_', 'A', '-_']],
  ['Cookie', (cookie) => sessionTokenIn({ cookie }, false), ['tagwave=', ';', ' ', 'a=b; ', '=']],
  [
    'tagstate',
    (text) => parseTagstate(text, 'tagstate'),
    [' ', '\r', `${TAG} bad `, '# ', '\t#', 'a ', `${TAG} bad:a,\n`],
  ],
  ['an edit of tagstate', edited, [' ', '\r', `${TAG} bad:qa\n`, '\r\n']],
  ['pins', parsePins, ['web1 ', ' ', 'web1 trunk\n', '*', '#']],
  ['an empty file', isEmptyYaml, [' ', '#', '---', '\n', ' #', '- ']],
];

function globbed(text: string): unknown {
  const glob = parseGlob(text);
  return glob && HOST && matchesGlob(glob, HOST);
}

function edited(text: string): unknown {
  return TAG && editTagstate(text, { tag: TAG, state: 'good', environments: ['qa'], known: new Set(['qa']) });
}

const SHORT = 2000;
const TIMES = 8;
/** Between what grows as the text does, 8 times, and what grows as its square, 64 times. */
const MOST = 30;

/** By how much longer a text takes that is eight times as long: the least of several tries, since a machine has other work. */
function growthOf(read: (text: string) => unknown, piece: string, attempts = 8): number {
  const [short, long] = [SHORT, SHORT * TIMES].map((length) => piece.repeat(Math.ceil(length / piece.length)));
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < attempts && least > MOST / 2; attempt++)
    least = Math.min(least, fastest(read, long ?? '') / fastest(read, short ?? ''));
  return least;
}

function fastest(read: (text: string) => unknown, text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 20; attempt++) {
    const from = process.hrtime.bigint();
    for (let again = 0; again < 4; again++) read(text);
    least = Math.min(least, Number(process.hrtime.bigint() - from));
  }
  // What takes less cannot be told apart from nothing.
  return Math.max(least, 20_000);
}

describe('the longer what is sent or written, the longer it takes, and no more than that', () => {
  test.each(READERS)('%s', (_name, read, pieces) => {
    const grown = pieces.map((piece) => [piece, growthOf(read, piece)] as const);
    expect(grown.filter(([, growth]) => growth > MOST)).toEqual([]);
  });

  test('which is noticed where it grows with the square', () => {
    expect(growthOf((text) => /a+c/.test(text.slice(0, text.length / 8)), 'a', 1)).toBeGreaterThan(MOST);
  });
});
