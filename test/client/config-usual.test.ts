import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientYml } from '../../client/core/installation.ts';
import { parseConfig } from '../../client/settings/config-text.ts';
import { readUsual } from '../../client/settings/config-usual.ts';
import { KEYS } from '../../client/settings/keys.ts';

const FILE = 'client.yml';
const SAMPLE = readFileSync(join(import.meta.dirname, '../../samples/client.yml'), 'utf8');

const key = fc.constantFrom(...KEYS.map(({ name }) => name), 'server', 'fact', 'verify', 'unknown', 'Server', '');
const value = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'True',
    'null',
    'Null',
    '~',
    '0',
    '07',
    '0x10',
    '1e3',
    '300',
    '-1',
    '.inf',
    'yes',
    'trueish',
  ),
  fc.constantFrom(
    'http://a:8420',
    'http://a:',
    'a: b',
    'a #b',
    'a#b',
    '/var/lib',
    '&a',
    '*a',
    '!x',
    '|',
    '>',
    '[a]',
    '{a: b}',
  ),
  fc.constantFrom(
    '"a"',
    '"a b # c: d"',
    '"',
    '""',
    '"a\\n"',
    "'a'",
    '"a" # why',
    'a ',
    ' a',
    '\ta',
    '@a',
    '`a',
    '%a',
    'é',
    '"é"',
  ),
  fc.string({ maxLength: 6 }),
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.webUrl(),
);
const line = fc.oneof(
  fc.tuple(key, fc.constantFrom(': ', ': ', ': ', ':', ':  ', ' : '), value).map((parts) => parts.join('')),
  key.map((name) => `${name}:`),
  fc.tuple(fc.constantFrom('  - ', '  - ', '- ', '   - ', '  -'), value).map((parts) => parts.join('')),
  fc.constantFrom('', '# why', '#', '  # why', ' ', '---', '...', '\t', '  more', '#\tx', '\r'),
);

describe('settings that are as most are', () => {
  test('are never understood otherwise than YAML is', () => {
    let usual = 0;
    const text = fc
      .tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\n', ''))
      .map(([lines, end]) => lines.join('\n') + end);
    fc.assert(
      fc.property(text, (written) => {
        const layer = readUsual(FILE, written);
        if (layer === undefined) return;
        usual++;
        expect(parseConfig(FILE, written)).toEqual({ ok: true, layer });
      }),
      { numRuns: 5000 },
    );
    expect(usual).toBeGreaterThan(100);
  });

  test('are those that install writes, and the sample', () => {
    const servers = ['http://a.example:8420', 'https://b.example/tagwave'];
    for (const text of [
      SAMPLE,
      clientYml({ servers, hostname: 'web1.example.com', target: '/var/lib/tagwave', root: '/' }),
      clientYml({ servers: servers.slice(1), hostname: undefined, target: undefined, root: undefined }),
    ])
      expect({ ok: true, layer: readUsual(FILE, text) }).toEqual(parseConfig(FILE, text));
  });
});
