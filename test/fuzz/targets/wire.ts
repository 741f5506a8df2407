import { readAnswer } from '../../../client/core/answer.ts';
import { parseFact, parseOsRelease } from '../../../client/core/facts.ts';
import { parseRepresentation } from '../../../client/core/representation.ts';
import { unsealed } from '../../../client/core/seal.ts';
import { decodeSightings } from '../../../client/core/sightings.ts';
import { parseState } from '../../../client/core/state-schema.ts';
import { assignmentSchema, reportSchema } from '../../../protocol/assignment.ts';
import { deltaBytes, parseDelta } from '../../../protocol/delta.ts';
import { hooksBytes, parseHooks } from '../../../protocol/hooks.ts';
import { BadManifest, digestOf, manifestLine, parseManifest } from '../../../protocol/manifest.ts';
import { parseRelativePath } from '../../../protocol/names.ts';
import { namesEtag } from '../../../server/http/etag.ts';
import { sessionTokenIn } from '../../../server/http/session-cookie.ts';
import { textsOf } from '../inputs.ts';
import { must, type Target, target } from '../target.ts';

const HEX = 'a'.repeat(64);
const JSON_WORDS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'null',
    'true',
    '1e999',
    '{"__proto__":{"polluted":1}}',
    '\\u0000',
    '\\ud800',
    '[[[[',
  ],
  ...['"constructor":', '"length":1e9', '{"a":1,"a":2}'],
];

const MANIFEST = [
  ...[
    `{"path":"a","mode":"100644","size":1,"sha256":"${HEX}"}\n`,
    `{"path":"b/c","mode":"100755","size":0,"sha256":"${HEX}"}\n`,
  ],
  ...[
    `{"path":"l","mode":"120000","size":3,"sha256":"${HEX}"}\n`,
    '"path":"../x"',
    '"path":"/etc/passwd"',
    '"mode":"104755"',
  ],
  ...[
    '"size":-1',
    '"size":1e30',
    '"perm":"0440"',
    '"perm":"4755"',
    '"owner":"root"',
    '"owner":"-1"',
    '.tagwave/hooks.json',
    'a/',
    'a/b',
  ],
];

export const manifest: Target = target({
  name: 'manifest',
  weight: 3,
  words: [...MANIFEST, ...JSON_WORDS],
  inputs: textsOf([...MANIFEST, ...MANIFEST, ...JSON_WORDS], ['', '', ',', '\n']),
  check(input) {
    let entries: ReturnType<typeof parseManifest>;
    try {
      entries = parseManifest(input);
    } catch (error) {
      must(error instanceof BadManifest, 'a manifest is refused in words', String(error));
      return;
    }
    for (const { path, size } of entries) {
      must(parseRelativePath(path) === path, 'a manifest has no path that leads out', path);
      must(Number.isSafeInteger(size) && size >= 0, 'a size is one', size);
      must(!/^\.tagwave(\/|$)/.test(path) || path === '.tagwave/hooks.json', 'reserved names are refused', path);
    }
    must(new Set(entries.map(({ path }) => path)).size === entries.length, 'no path is in it twice', entries);
    const again = entries.map(manifestLine).join('');
    must(digestOf(entries.map(manifestLine).join('')) === digestOf(again), 'a view has one digest', again);
    must(parseManifest(Buffer.from(again)).length === entries.length, 'what is written is read', again);
  },
});

const DELTA = [
  `{"from":"sha256:${HEX}","to":"sha256:${HEX}","delete":["a","b/c"]}`,
  '"delete":["../x"]',
  '"delete":["/a"]',
  '"more":1',
];

export const delta: Target = target({
  name: 'delta',
  weight: 1,
  words: [...DELTA, ...JSON_WORDS],
  inputs: textsOf([...DELTA, ...JSON_WORDS], ['', ',']),
  check(input) {
    const parsed = parseDelta(input);
    if (parsed === undefined) return;
    for (const path of parsed.delete) must(parseRelativePath(path) === path, 'a delta deletes nothing outside', path);
    must(
      deltaBytes(parseDelta(deltaBytes(parsed)) ?? parsed).equals(deltaBytes(parsed)),
      'a delta is read as written',
      parsed,
    );
  },
});

const HOOKS = [
  ...[
    '{"hooks":[],"verify":[]}',
    '{"hooks":[{"run":"true","when":["**"]}],"verify":[]}',
    '"when":["../x"]',
    '"run":["a","b"]',
  ],
  ...['"timeout_seconds":1e9', '"http":"http://a/"', '"tcp":"a:1"', '"tcp":"[::1]:99999"'],
];

export const hooks: Target = target({
  name: 'hooks',
  weight: 1,
  words: [...HOOKS, ...JSON_WORDS],
  inputs: textsOf([...HOOKS, ...JSON_WORDS], ['', ',']),
  check(input) {
    const parsed = parseHooks(input);
    if (parsed === undefined) return;
    const bytes = hooksBytes(parsed);
    const again = parseHooks(bytes);
    must(again !== undefined && hooksBytes(again).equals(bytes), 'hooks are read as written', bytes.toString());
  },
});

const QUESTION = { hostname: 'web1' as never, tag: undefined, etag: '"e"', running: undefined };
const ASSIGNED = `{"hostname":"web1","environment":"production","wave":"w","hours":4,"groups":[],"outcome":"serve","tag":"etchautotag-20261120-0800","commit":"${'a'.repeat(40)}","digest":"sha256:${HEX}","files":1,"bytes":1,"reasons":["r"],"decidedAt":"2026-11-20T11:20:00.000Z","pollAfterSeconds":60,"links":{"archive":"/v1/views/sha256:${HEX}/archive","manifest":"/v1/views/sha256:${HEX}/manifest"}}`;
const ANSWERS = [
  ...[
    '200\n',
    '304\n',
    '409\n',
    '423\n',
    '403\n',
    '302\n',
    '503\n',
    ASSIGNED,
    '"hostname":"web2"',
    '"outcome":"hold"',
    '"archive":"http://evil/"',
  ],
  ...[
    '"archive":"//evil/x"',
    '"pollAfterSeconds":-1',
    '"files":1e30',
    '"message":{"a":1}',
    '"reasons":[1,null]',
    '"tag":"trunk"',
  ],
];

export const answers: Target = target({
  name: 'answers',
  weight: 2,
  words: [...ANSWERS, ...JSON_WORDS],
  inputs: textsOf([...ANSWERS, ...JSON_WORDS], ['', '', ',']),
  /** A line with the status, then the body. */
  async check(input) {
    const end = input.indexOf(10);
    const said = Number(input.subarray(0, Math.max(0, end)).toString());
    const body = input.subarray(end + 1);
    for (const status of new Set([Number.isInteger(said) ? said : 200, 200, 409, 423])) {
      const answer = await readAnswer({ status, headers: {}, body }, QUESTION);
      if (status === 423) must(answer.kind === 'killswitch', 'a killswitch stops, whatever is in it', answer);
      else if (status === 409) must(answer.kind === 'hold', 'a hold holds, whatever is in it', answer);
      else if (status !== 200) must(answer.kind !== 'serve', 'only 200 serves', answer);
      if (answer.kind === 'serve') must(answer.assignment.hostname === 'web1', 'only for the host that asked', answer);
      if ('reasons' in answer)
        must(
          answer.reasons.every((text) => typeof text === 'string'),
          'reasons are texts',
          answer,
        );
    }
    const value = jsonOf(body);
    assignmentSchema.safeParse(value);
    reportSchema.safeParse(value);
  },
});

const STATE = [
  '{"version":1',
  '"current":null',
  '"reports":[]',
  '"etag":"x"',
  'etag',
  'sha256:',
  'NAME="a\\"b"\n',
  'ID=debian\n',
  'a=b',
  'tagwave-seen-1',
  '"count":1e9',
  '"count":-1',
];

export const clientState: Target = target({
  name: 'client-state',
  weight: 1,
  words: [...STATE, ...JSON_WORDS],
  inputs: textsOf([...STATE, ...JSON_WORDS], ['', ',', '\n']),
  check(input) {
    const text = input.toString();
    parseState(text);
    unsealed(text, 'build');
    decodeSightings(input);
    parseRepresentation(text);
    parseOsRelease(text);
    const fact = parseFact(text);
    if (fact !== undefined) must(!/\p{Cc}/u.test(fact), 'a fact is one line', fact);
    must(({} as Record<string, unknown>)['polluted'] === undefined, 'no prototype was changed', text);
  },
});

const HEADERS = [
  '"e"',
  'W/"e"',
  '*',
  ', ',
  ',',
  '"',
  ';',
  '=',
  '__Host-tagwave=',
  'tagwave=',
  'tws_',
  'A'.repeat(43),
  '; ',
];

export const headers: Target = target({
  name: 'headers',
  weight: 1,
  words: HEADERS,
  inputs: textsOf(HEADERS, ['', '', ' ']),
  check(input) {
    const text = input.toString('latin1');
    if (namesEtag(text, '"e"'))
      must(text === '*' || text.includes('"e"'), 'an entity tag is named that is there', text);
    for (const isEncrypted of [true, false]) {
      const token = sessionTokenIn({ cookie: text }, isEncrypted);
      if (token !== undefined) must(/^tws_[\w-]{43}$/.test(token) && text.includes(token), 'a session is one', text);
    }
  },
});

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
