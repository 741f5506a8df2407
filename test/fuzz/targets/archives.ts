import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { unpack } from '../../../client/adapters/unpack.ts';
import type { ManifestEntry, Mode } from '../../../protocol/manifest.ts';
import type { Digest, RelativePath } from '../../../protocol/names.ts';
import { type Check, must, type Target } from '../target.ts';

/** What the manifest lists: all that may ever be written. */
const WANTED: readonly (readonly [path: string, mode: Mode, content: string])[] = [
  ['a', '100644', 'new'],
  ['bin/run', '100755', '#!/bin/sh\n'],
  ['etc/link', '120000', 'motd'],
  ['etc/motd', '100644', 'hello'],
];
const OLD = [['a', '100644', 'old']] as const;

const entryOf = ([path, mode, content]: (typeof WANTED)[number]): ManifestEntry => ({
  path: path as RelativePath,
  mode,
  size: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
});
const ENTRIES = WANTED.map(entryOf);
const [FROM, TO] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`) as [Digest, Digest];

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: string;
  readonly linkname: string;
  readonly prefix: string;
  readonly magic: string;
  readonly content: Buffer;
}

const good: readonly Header[] = WANTED.map(([name, mode, content]) => ({
  name,
  type: mode === '120000' ? '2' : '0',
  size: mode === '120000' ? '0' : content.length.toString(8),
  linkname: mode === '120000' ? content : '',
  prefix: '',
  magic: 'ustar\x0000',
  content: Buffer.from(mode === '120000' ? '' : content),
}));

/** One header and its content, whatever it says: no library would write most of these. */
function memberOf({ name, type, size, linkname, prefix, magic, content }: Header): Buffer {
  const head = Buffer.alloc(512);
  const put = (text: string, at: number, most: number) => void head.write(text, at, most, 'latin1');
  put(name, 0, 100);
  put('0000644\0', 100, 8);
  put('0000000\0', 108, 8);
  put('0000000\0', 116, 8);
  put(size.padStart(11, '0'), 124, 12);
  put('00000000000\0', 136, 12);
  put(type, 156, 1);
  put(linkname, 157, 100);
  put(magic, 257, 8);
  put(prefix, 345, 155);
  head.fill(' ', 148, 156);
  put(
    `${head
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    8,
  );
  return Buffer.concat([head, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const NAMES = [
  'a',
  'bin/run',
  'etc/link',
  'etc/motd',
  '../precious',
  '/tmp/tagwave-evil',
  'etc/../../precious',
  './a',
  'a/',
  'etc',
  '',
  '.',
  '..',
  'etc/link/x',
  '.tagwave-delta.json',
  'a\0b',
  'x'.repeat(100),
  '././@LongLink',
  'PaxHeader',
];
const SIZES = [
  '0',
  '3',
  '5',
  '12',
  '7777777',
  '77777777777',
  '-1',
  'zz',
  '',
  '\u0080\u0000\u0000\u0000\u0000\u0000\u0000\u0001',
  '\u00ff'.repeat(12),
];
const PAX = [
  '30 path=../precious\n',
  '20 size=99999999999\n',
  '9 path=a\n',
  '99 path=a\n',
  '-1 a=b\n',
  '0 \n',
  '25 linkpath=/etc/passwd\n',
  '18 __proto__=evil\n',
  'x'.repeat(300),
];

const header: fc.Arbitrary<Header> = fc.record({
  name: fc.constantFrom(...NAMES),
  type: fc.constantFrom('0', '\0', '1', '2', '3', '4', '5', '6', '7', 'x', 'g', 'L', 'K', 'S', 'Z'),
  size: fc.constantFrom(...SIZES),
  linkname: fc.constantFrom('', 'motd', '/etc/passwd', '../../../precious', '..'),
  prefix: fc.constantFrom('', '', '', '..', '/tmp', 'etc'),
  magic: fc.constantFrom('ustar\x0000', 'ustar  \0', '', 'xxxxx'),
  content: fc.oneof(
    fc.constantFrom(...['new', 'hello', '#!/bin/sh\n', ...PAX].map((text) => Buffer.from(text))),
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  ),
});

/** Members as they should be, with others among them, doubled, left out, cut off and packed. */
const inputs: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...good) }, header), { maxLength: 8 }),
    fc.constantFrom('none', 'before', 'after', 'all'),
    fc.constantFrom(0, 0, 0, 1, 100, 512, 700),
    fc.constantFrom(1024, 1024, 0, 512, 1_000_000),
    fc.constantFrom('gzip', 'gzip', 'gzip', 'cut', 'twice', 'plain', 'rubbish'),
  )
  .map(([members, whole, cut, end, packing]) => {
    const all =
      whole === 'none'
        ? members
        : whole === 'before'
          ? [...good, ...members]
          : whole === 'after'
            ? [...members, ...good]
            : good;
    const tar = Buffer.concat([...all.map(memberOf), Buffer.alloc(end)]);
    return packed(tar.subarray(0, Math.max(0, tar.length - cut)), packing);
  });

function packed(tar: Buffer, how: string): Buffer {
  const gzip = gzipSync(tar, { level: 1 });
  switch (how) {
    case 'cut':
      return gzip.subarray(0, gzip.length - 9);
    case 'twice':
      return Buffer.concat([gzip, gzip]);
    case 'plain':
      return tar.subarray(0, 4096);
    case 'rubbish':
      return Buffer.concat([gzip, Buffer.from('rubbish')]);
    default:
      return gzip;
  }
}

/** The archive as a host unpacks it: into a real directory, with something precious beside it. */
export const archives: Target = {
  name: 'archives',
  weight: 1,
  isCostly: true,
  words: ['ustar', '../precious', '\x1f\x8b\x08', '\0'.repeat(512)],
  inputs,
  open(): Check {
    const around = mkdtempSync(join(tmpdir(), 'tagwave-test-'));
    writeFileSync(join(around, 'precious'), 'precious');
    const base = join(around, 'base');
    mkdirSync(base);
    writeFileSync(join(base, 'a'), 'old');
    return {
      async check(input) {
        const archive = plainToo(input);
        await unpackedInto(around, archive, undefined);
        await unpackedInto(around, archive, base);
      },
      close: async () => rmSync(around, { recursive: true, force: true }),
    };
  },
};

/** A corpus may hold a tar as it is: easier to read and to change. */
function plainToo(input: Buffer): Buffer {
  return input.toString('latin1', 257, 262) === 'ustar' ? gzipSync(input, { level: 1 }) : input;
}

async function unpackedInto(around: string, archive: Buffer, base: string | undefined): Promise<void> {
  const directory = join(around, 'target');
  mkdirSync(directory);
  const delta =
    base === undefined
      ? {}
      : {
          delta: {
            from: { name: 'base', directory: base, digest: FROM, entries: OLD.map(entryOf) },
            to: TO,
            signal: new AbortController().signal,
            found: () => undefined,
          },
        };
  const refusal = await unpack(Readable.from([archive]), {
    directory,
    entries: ENTRIES,
    done: () => undefined,
    ...delta,
  }).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  try {
    const found = filesBelow(directory);
    if (refusal === undefined) must(found.size === ENTRIES.length, 'what is taken is whole', [...found.keys()]);
    else must(REFUSALS.has(refusal.name), 'an archive is refused in words', refusal.stack);
    for (const [path, content] of found) {
      const wanted = WANTED.find(([listed]) => listed === path);
      must(wanted !== undefined, 'nothing is written that is not listed', path);
      // A large file is there in parts before its hash is known; none of these is large.
      must(content === wanted[2], 'what is written is what was promised', { path, content });
    }
    must(
      readdirSync(around).sort().join() === 'base,precious,target',
      'nothing is written outside',
      readdirSync(around),
    );
    must(readFileSync(join(around, 'precious'), 'utf8') === 'precious', 'what is outside stays');
    if (base !== undefined) must(readFileSync(join(base, 'a'), 'utf8') === 'old', 'what is run now stays');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const REFUSALS = new Set(['BadContent', 'DamagedBase', 'ConnectionLost']);

function filesBelow(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return new Map(
    names.flatMap((name) => {
      const path = join(directory, name);
      const about = lstatSync(path);
      if (about.isDirectory()) return [];
      return [[name, about.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'utf8')] as const];
    }),
  );
}
