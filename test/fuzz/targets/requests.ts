import * as fc from 'fast-check';
import { STATUS_OF } from '../../../protocol/errors.ts';
import { ROUTES } from '../../../server/http/routes.ts';
import { textsOf } from '../inputs.ts';
import { type Check, must, type Target } from '../target.ts';
import { openVictim, type Victim } from '../victim.ts';

/** A request as a file of the corpus has it. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
}

const VALUES = [
  ...[
    'web1',
    'web2.example.com',
    'WEB1.',
    '-',
    '..',
    '%2e%2e%2f',
    '%2e%2e',
    '.%2e',
    '%00',
    'a%00b',
    '%',
    '%zz',
    '%c0%ae',
    '%e2%84%aa1',
    'a%2fb',
  ],
  ...[
    '%0d%0aX-Injected:%201',
    '%5c',
    '%20',
    '',
    'a'.repeat(254),
    'a'.repeat(9000),
    '__proto__',
    'constructor',
    'toString',
    '*',
    '[::1]',
  ],
  ...[
    'etchautotag-20261120-0800',
    'etchautotag-20261120-1100',
    'etchautotag-20261320-0800',
    'trunk',
    `sha256:${'a'.repeat(64)}`,
  ],
  ...[
    'production',
    'qa',
    'prod',
    'production%2f..%2f..%2fpins',
    '2026-11-20T08:00Z',
    '9999-12-31T23:59Z',
    '-1',
    '1e9',
    '0',
    '99999999999999999999',
  ],
];
const QUERIES = [
  'tag',
  'at',
  'hours',
  'limit',
  'after',
  'since',
  'kinds',
  'version',
  'format',
  'from',
  'to',
  'node',
  'q',
  'cursor',
  'sort',
  '__proto__',
  'tag[]',
  'tag[a]',
];
const HEADERS = [
  ...[
    'Accept',
    'If-None-Match',
    'Range',
    'If-Range',
    'Tagwave-Running',
    'Tagwave-Client',
    'Authorization',
    'Cookie',
    'Host',
    'Origin',
    'X-Forwarded-For',
  ],
  ...[
    'Forwarded',
    'Via',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'Accept-Encoding',
    'Content-Encoding',
    'Expect',
    'Upgrade',
    'Last-Event-ID',
    'User-Agent',
  ],
  ...[
    'tagwave-door-peer',
    'tagwave-door-file',
    'tagwave-door-no-length',
    'Tagwave-Actor',
    'X-Request-Id',
    'X-HTTP-Method-Override',
    '__proto__',
    'Prefer',
    'TE',
    'Trailer',
  ],
];
const CONTENTS = [
  ...[
    'application/json',
    'text/event-stream',
    '*/*',
    '*/*;q=0',
    'text/html',
    '"e"',
    'W/"x", *',
    '*',
    'bytes=0-0',
    'bytes=-1',
    'bytes=0-,0-,0-,0-',
    'bytes=9-1',
  ],
  ...[
    `bytes=${'0-1,'.repeat(500)}2-3`,
    'bytes=99999999999999999999-',
    `Bearer twn_${'A'.repeat(43)}`,
    `Bearer twa_${'A'.repeat(43)}`,
    'Bearer',
    'Basic YTpi',
    'Bearer \u0000',
  ],
  ...[
    `__Host-tagwave=tws_${'A'.repeat(43)}`,
    'localhost',
    'evil.example',
    'localhost:99999',
    '',
    ' ',
    'http://evil.example',
    'null',
    'for=127.0.0.1;proto=https',
    '127.0.0.1',
  ],
  ...[
    'gzip',
    'identity;q=0',
    '100-continue',
    'websocket',
    'h2c',
    `sha256:${'a'.repeat(64)}`,
    'x'.repeat(7000),
    '\u009b31m',
    'a, b',
    '1',
    '-1',
    '{}',
    '%7B%7D',
  ],
];
const BODIES = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '{}',
    '[]',
    'null',
    '1e999',
    '-0',
    '"__proto__":{"admin":true}',
    '"constructor":{"prototype":{"a":1}}',
    '\\u0000',
    '\\ud800',
  ],
  ...[
    '"state":"bad"',
    '"state":"good"',
    '"reason":"x"',
    '"environments":["production"]',
    '"message":"stop"',
    '"tag":"trunk"',
    '"until":"2026-11-21T08:00Z"',
  ],
  ...[
    '"runId":"1"',
    '"outcome":"applied"',
    '"startedAt":"2026-11-20T08:00:00Z"',
    '"durationMs":1',
    '"changed":1',
    '"marks":[]',
    '"reason":"\\u001b[31m\\n"',
    '"tag":["a"]',
  ],
  ...[
    '{"a":1,"a":2}',
    '"state":"bad","state":"good"',
    '"runId":"00000000-0000-4000-8000-000000000000"',
    'x'.repeat(2000),
  ],
];
const DEEP = [
  '['.repeat(20_000),
  '{"a":'.repeat(10_000),
  `{"a":"${'x'.repeat(70_000)}"}`,
  `[${'1,'.repeat(20_000)}1]`,
  `{"n":${'9'.repeat(5000)}}`,
];

/** Of the routes that there are, so that a new one is asked without a word here. */
const path: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...ROUTES.map((route) => route.path)), fc.infiniteStream(fc.constantFrom(...VALUES)))
      .map(([pattern, values]) => pattern.replace(/[:*]\w+/g, () => values.next().value as string)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/',
      '//',
      '/v1',
      '/v1/nodes//',
      '/v1/nodes/web1/',
      '/V1/NODES/web1',
      '*',
      '/../../etc/passwd',
      'http://evil/v1/nodes/web1',
      '//evil/v1',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/client/../../x',
      `/${'a/'.repeat(3000)}`,
    ),
  },
);
const query: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...QUERIES), fc.constantFrom(...VALUES)), { maxLength: 3 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`));
const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'HEAD',
        'OPTIONS',
        'PATCH',
        'TRACE',
        'CONNECT',
        'PROPFIND',
        'get',
        'NONSENSE',
        'PRI',
        '',
      ),
    },
  ),
  path: fc.tuple(path, query).map((parts) => parts.join('')),
  headers: fc.array(fc.tuple(fc.constantFrom(...HEADERS), fc.constantFrom(...CONTENTS)), { maxLength: 5 }),
  body: fc.oneof(
    fc.constant(null),
    textsOf(BODIES, ['', ',']).map(String),
    fc
      .array(fc.constantFrom(...BODIES.filter((text) => text.includes('":'))), { maxLength: 5 })
      .map((fields) => `{${fields.join(',')}}`),
    fc.constantFrom(...DEEP),
  ),
});

/** Two servers: one at which everybody on the machine may change things, and one at which nobody may do anything. */
async function openServers(check: (of: Servers, input: Buffer) => Promise<void>): Promise<Check> {
  const open = await openVictim({ 'http.local_changes': true, 'http.max_wait_seconds': 1 });
  const closed = await openVictim({ 'auth.nodes': 'tokens', 'http.max_wait_seconds': 1 });
  const before = closed.look();
  let asked = 0;
  return {
    async check(input) {
      await check({ open, closed }, input);
      // That they live is shown by every answer, too.
      if (asked++ % 20 === 0) {
        must([200, 409, 423].includes(await open.poll()), 'a usual poll is answered afterwards');
        must((await closed.poll()) === 401, 'a poll without a token is refused afterwards');
      }
      must(
        JSON.stringify(closed.look()) === JSON.stringify(before),
        'nobody without a token changes anything',
        closed.look(),
      );
      const { around, base } = open.look();
      must(around.join() === 'base,config', 'nothing is written outside', around);
      must(
        base.every((name) => MADE.has(name)),
        'no file is made but control files',
        base,
      );
      open.release();
    },
    close: async () => void (await Promise.all([open.close(), closed.close()])),
  };
}

interface Servers {
  readonly open: Victim;
  readonly closed: Victim;
}

const MADE = new Set(['killswitch', 'killswitch.d', 'nodes.yml', 'pins', 'tagstate', 'var']);
const GOOD = [100, 200, 201, 202, 204, 206, 304];
/** The closed list, but for what a server in order never says. */
const USUAL = new Set<number>([...GOOD, 417, ...Object.values(STATUS_OF).filter((status) => status !== 500)]);

function judge(text: string, input: string): void {
  for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d{3})/gm))
    must(USUAL.has(Number(status)), 'every answer is of the closed list', { status, input, text: text.slice(0, 800) });
  must(
    !/^x-injected:/im.test(text.split('\r\n\r\n')[0] ?? ''),
    'no header can be put into an answer',
    text.slice(0, 800),
  );
  must(!/(?:at |node:)[\w/.]+:\d+:\d+/.test(text), 'no answer has a stack in it', text.slice(0, 800));
}

export const requests: Target = {
  name: 'requests',
  weight: 1,
  isCostly: true,
  words: [...VALUES, ...HEADERS],
  inputs: asked.map((one) => Buffer.from(JSON.stringify(one))),
  open: () =>
    openServers(async ({ open, closed }, input) => {
      const { bytes, isOdd } = bytesOf(input);
      for (const victim of [open, closed]) {
        const text = await victim.send(bytes, isOdd ? 'polled' : 'closed');
        judge(text, bytes.toString('latin1'));
        if (!isOdd)
          must(/^HTTP\/1\.1 \d{3} /.test(text), 'a request is answered', bytes.toString('latin1').slice(0, 1000));
      }
    }),
};

/** Changed by chance a file may be no such request: then it is sent as it is. */
function bytesOf(input: Buffer): { readonly bytes: Buffer; readonly isOdd: boolean } {
  const given = askedIn(input);
  if (given === undefined) return { bytes: input, isOdd: true };
  const { method, path: target, headers, body } = given;
  const all = [
    ...(headers.some(([name]) => name === 'Host') ? [] : [['Host', 'localhost']]),
    ...headers,
    ['Connection', 'close'],
  ];
  if (body !== null) {
    if (!headers.some(([name]) => name === 'Content-Type')) all.push(['Content-Type', 'application/json']);
    all.push(['Content-Length', String(Buffer.byteLength(body))]);
  }
  const head = `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const isPlain = /^[!-~]+$/.test(target) && /^[A-Z]+$/.test(method) && method !== 'CONNECT';
  const isOdd =
    !isPlain ||
    headers.some(([name]) => ['Upgrade', 'Content-Length', 'Transfer-Encoding', 'Connection'].includes(name));
  return { bytes: Buffer.from(head + (body ?? '')), isOdd };
}

function askedIn(input: Buffer): Asked | undefined {
  try {
    const { method, path: target, headers, body } = JSON.parse(input.toString()) as Asked;
    const isPair = (one: unknown): boolean =>
      Array.isArray(one) && one.length === 2 && one.every((word) => typeof word === 'string');
    if (typeof method !== 'string' || typeof target !== 'string' || !Array.isArray(headers) || !headers.every(isPair))
      return undefined;
    return body === null || typeof body === 'string' ? { method, path: target, headers, body } : undefined;
  } catch {
    return undefined;
  }
}

const RAW = [
  ...[
    'GET /v1/nodes/web1 HTTP/1.1\r\n',
    'Host: localhost\r\n',
    '\r\n',
    'POST /v1/nodes/web1/reports HTTP/1.1\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding : chunked\r\n',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    'ffffffffffffffff\r\n',
    '-1\r\n',
  ],
  ...[
    'Host: evil\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Content-Type: application/json\r\n',
    '{"runId":"1"}',
    'PUT /v1/killswitch HTTP/1.1\r\n',
    'HTTP/0.9',
    'HTTP/2.0\r\n',
  ],
  ...[
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    'GET / HTTP/1.1\n\n',
    ' folded\r\n',
    'A: b\rC: d\r\n',
    `X: ${'a'.repeat(20_000)}\r\n`,
    'X: a\r\n'.repeat(2100),
    'Expect: 100-continue\r\n',
  ],
  ...[
    'CONNECT evil:1 HTTP/1.1\r\n',
    'GET http://evil/ HTTP/1.1\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: 99999999999999999999\r\n',
    'Upgrade: h2c\r\n',
  ],
];

export const sockets: Target = {
  name: 'sockets',
  weight: 1,
  isCostly: true,
  words: RAW,
  inputs: fc
    .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...RAW) }, fc.string({ unit: 'binary', maxLength: 8 })), {
      maxLength: 14,
    })
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1')),
  open: () =>
    openServers(async ({ open, closed }, input) => {
      for (const victim of [open, closed]) judge(await victim.send(input, 'polled'), input.toString('latin1'));
    }),
};
