import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { NO_NODES, parseNodes } from '../../server/core/nodes.ts';
import type { PinTag } from '../../server/core/pin-tag.ts';
import { editPins, NO_PINS, type ParsedPins, parsePins, pinnedTags, pinOf } from '../../server/core/pins.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { anyText } from '../rig/any-text.ts';

const NOW = Date.parse('2026-11-20T14:25:00Z');
const A = 'etchautotag-20261120-0800' as PinTag;
const B = 'etchautotag-20261120-0900' as PinTag;

function found(text: string, hostname: string, nodesText?: string) {
  const nodes = nodesText === undefined ? undefined : parseNodes(nodesText);
  if (nodes && !nodes.ok) throw new Error(nodes.errors.map(sentenceOf).join('\n'));
  const { pins } = parsePins(text);
  return pinOf({ pins, nodes: nodes?.value ?? NO_NODES, now: NOW }, hostname as Hostname);
}

const errorsOf = (parsed: ParsedPins) => parsed.errors.map(sentenceOf);

describe('pins', () => {
  test('pin a host to a tag, with the reason and the line', () => {
    const text = `# pins\n\nweb1.example.com  tags/${A}  until=2026-11-21T08:00Z  # waits for \t INC-7\n`;
    expect(found(text, 'web1.example.com')).toEqual({
      kind: 'pin',
      tag: A,
      reason: 'waits for INC-7',
      where: 'pins line 3',
      host: 'web1.example.com',
      until: Date.UTC(2026, 10, 21, 8),
      file: 'pins',
      line: 3,
    });
    expect(found(text, 'web2.example.com')).toBeUndefined();
    expect(parsePins(text)).toMatchObject({ problems: [], errors: [], hostsUnreadable: false });
  });

  test('pin to an autotag, to trunk and to trunk after an instant', () => {
    for (const tag of [A, 'trunk', 'trunk-20261120-1425'])
      expect(found(`web1 ${tag}`, 'web1')).toMatchObject({ kind: 'pin', tag, reason: '' });
    for (const tag of [
      'Trunk',
      'trunk-20261120',
      'trunk-20260230-1200',
      'trunk-20261120-2460',
      'etchautotag-20261120-0830',
      'etchautotag-20261120-2400',
      'tags/trunk',
      '../x',
      '',
      'good',
    ])
      expect(found(`web1 ${tag}`, 'web1'), tag).toMatchObject({ kind: 'bad' });
  });

  test('do not mind CRLF, a byte order mark, spaces in front, upper case and a last line without its end', () => {
    expect(found(`\uFEFFWEB1 ${A} why\r\n  web2\t${B}`, 'web1')).toEqual({
      kind: 'pin',
      tag: A,
      reason: 'why',
      where: 'pins line 1',
      host: 'web1',
      until: null,
      file: 'pins',
      line: 1,
    });
    expect(found(`\uFEFFWEB1 ${A} why\r\n  web2\t${B}`, 'web2')).toMatchObject({ tag: B, where: 'pins line 2' });
  });

  test('of a host go before those of globs; of two, the last goes', () => {
    const text = `web1 ${A}\nweb1 ${B}\nweb* ${A}\n* trunk\n`;
    expect(found(text, 'web1')).toMatchObject({ tag: B, where: 'pins line 2' });
    expect(found(text, 'web2')).toMatchObject({ tag: 'trunk', where: 'pins line 4' });
  });

  test('do not count any more from the instant of until= on', () => {
    expect(found(`web1 ${A} until=2026-11-20T14:25Z`, 'web1')).toBeUndefined();
    expect(found(`web1 ${A} until=2026-11-20T14:25:00.001Z`, 'web1')).toMatchObject({ tag: A });
    expect(found(`web1 ${A} until=2026-11-20T15:26+01:00`, 'web1')).toMatchObject({ tag: A });
    expect(found(`web1 ${A} until=2026-11-20T15:25+01:00`, 'web1')).toBeUndefined();
    expect(found(`web1 ${A} UNTIL=2026-11-20t14:26z`, 'web1')).toMatchObject({ tag: A, reason: '' });
    expect(found(`* ${B}\nweb1 ${A} until=2026-11-20T14:00Z`, 'web1')).toMatchObject({ tag: B });
    expect(found(`web1 bogus until=2026-11-20T14:00Z`, 'web1')).toBeUndefined();
  });

  test.each([
    'tomorrow',
    '2026-11-21',
    '2026-11-21T08:00',
    '2026-02-30T08:00Z',
    '2026-11-21T24:00Z',
    '2026-11-21T08:00+1:00',
    '',
  ])('hold their hosts where until=%s is no time with its offset', (time) => {
    const text = `web* ${A} until=${time} reason`;
    expect(found(text, 'web1')).toMatchObject({ kind: 'bad', where: 'pins line 1' });
    expect(errorsOf(parsePins(text))[0]).toContain('web*: expected a time with its offset');
  });

  test('that cannot be understood hold the hosts that they name, and no others', () => {
    const text = `web1\ndb* etchautotag-2026112-0800 reason\nweb2 ${A}\n`;
    const parsed = parsePins(text);
    expect(errorsOf(parsed)).toEqual([
      'pins line 1: web1: expected etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM, found nothing',
      'pins line 2: db*: expected etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM, found "etchautotag-2026112-0800"',
    ]);
    expect(parsed.problems.map(({ id, severity, line }) => [id, severity, line])).toEqual([
      ['pins:bad-pin:1', 'error', 1],
      ['pins:bad-pin:2', 'error', 2],
    ]);
    expect(parsed.hostsUnreadable).toBe(false);
    expect(found(text, 'web1')).toEqual({
      kind: 'bad',
      where: 'pins line 1',
      why: 'expected etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM, found nothing',
    });
    expect(found(text, 'db7')).toMatchObject({ kind: 'bad', where: 'pins line 2' });
    expect(found(text, 'web2')).toMatchObject({ kind: 'pin' });
  });

  test('that cannot be understood give way to a later line for the same host', () => {
    expect(found(`web1 oops\nweb1 ${A}`, 'web1')).toMatchObject({ tag: A });
    expect(found(`web1 ${A}\nweb1 oops`, 'web1')).toMatchObject({ kind: 'bad' });
  });

  test('say so when not even the host of a line can be read', () => {
    const parsed = parsePins(`web1 ${A}\nweb_2 ${A}\n`);
    expect(parsed.hostsUnreadable).toBe(true);
    expect(parsed.problems).toMatchObject([{ id: 'pins:unreadable-host:2', severity: 'error', line: 2 }]);
  });

  test('warn of an until= that comes too late to be read', () => {
    const parsed = parsePins(`web1 ${A} broken until=2026-11-20T14:00Z\n`);
    expect(parsed.problems).toMatchObject([{ id: 'pins:late-until:1', severity: 'warning' }]);
    expect(parsed.errors).toEqual([]);
    expect(found(`web1 ${A} broken until=2026-11-20T14:00Z\n`, 'web1')).toMatchObject({
      tag: A,
      reason: 'broken until=2026-11-20T14:00Z',
    });
  });

  test('go before a tag: in nodes.yml, where names go before globs and then the last', () => {
    const nodes = `web1: {tag: ${B}}\n"web*": {tag: trunk}\n"*": {tag: ${A}}\n`;
    expect(found('', 'web1', nodes)).toMatchObject({ kind: 'pin', tag: B, reason: '', where: 'nodes.yml line 1' });
    expect(found('', 'web2', nodes)).toMatchObject({ tag: A, where: 'nodes.yml line 3' });
    expect(found('* trunk', 'web1', nodes)).toMatchObject({ tag: 'trunk', where: 'pins line 1' });
    expect(found('web1 oops', 'web1', nodes)).toMatchObject({ kind: 'bad' });
    expect(found('', 'web1', 'web1: [a]\n"*": {tag: trunk}')).toMatchObject({
      tag: 'trunk',
      where: 'nodes.yml line 2',
    });
  });

  test('that have not expired keep their autotags from being pruned, those of nodes.yml too', () => {
    const nodes = parseNodes('a: {tag: etchautotag-20261101-0000}\n"*": {tag: trunk}');
    const { pins } = parsePins(
      `web1 ${A}\nweb2 ${A}\nweb3 trunk\nw* ${B} until=2026-11-20T14:00Z\nx* tags/etchautotag-20261102-0000 until=2027-01-01T00:00Z\ny oops`,
    );
    expect(pinnedTags(pins, nodes.ok ? nodes.value : NO_NODES, NOW)).toEqual([
      A,
      'etchautotag-20261102-0000',
      'etchautotag-20261101-0000',
    ]);
    expect(pinnedTags(NO_PINS, NO_NODES, NOW)).toEqual([]);
  });

  test('never throw, whatever the text', () => {
    const word = fc.constantFrom(
      'web1',
      'web*',
      A,
      'trunk',
      'until=2026-11-21T08:00Z',
      'until=',
      '#',
      'x',
      'a_b',
      '\uFEFF',
      '\0',
      '',
    );
    const line = fc.array(word).map((words) => words.join(' '));
    const text = fc.oneof(
      anyText,
      fc.array(line).map((lines) => lines.join('\n')),
    );
    fc.assert(
      fc.property(text, (text) => void found(text, 'web1')),
      { numRuns: 500 },
    );
  });
});

describe('an edit of pins', () => {
  const until = Date.parse('2026-11-21T08:00:00Z');

  test('appends a new pin and leaves every other line byte for byte', () => {
    const before = `# of the  team\n\n  Web2   ${A}\twhy\n*.eu trunk`;
    expect(editPins(before, { host: 'web1', pin: { tag: B, until, reason: 'INC-7' } })).toBe(
      `${before}\nweb1 ${B} until=2026-11-21T08:00Z INC-7\n`,
    );
    expect(editPins('', { host: 'WEB1.', pin: { tag: 'trunk' } })).toBe('web1 trunk\n');
  });

  test('replaces all lines of the same host where the last one was', () => {
    const before = `web1 ${A}\n#web1 ${A}\nweb* ${A}\nWEB1. oops\nweb11 ${A}\n`;
    expect(editPins(before, { host: 'web1', pin: { tag: B } })).toBe(`#web1 ${A}\nweb* ${A}\nweb1 ${B}\nweb11 ${A}\n`);
    expect(editPins(before, { host: 'WEB*', pin: { tag: B } })).toBe(before.replace(`web* ${A}`, `web* ${B}`));
  });

  test('removes the lines of a host and nothing else', () => {
    expect(editPins(`web1 ${A}\nweb2 ${A}\n web1 ${B}`, { host: 'web1', pin: null })).toBe(`web2 ${A}\n`);
    expect(editPins(`web2 ${A}`, { host: 'web1', pin: null })).toBe(`web2 ${A}`);
    expect(editPins('', { host: 'web1', pin: null })).toBe('');
  });

  test('leaves a comment where the last pin goes, so that the file does not look damaged', () => {
    expect(editPins(`web1 ${A}\n`, { host: 'web1', pin: null })).toBe('# no pins\n');
    expect(editPins(`\n\nweb1 ${A}`, { host: 'web1', pin: null })).toBe('\n\n# no pins\n');
    expect(editPins(`# team\nweb1 ${A}`, { host: 'web1', pin: null })).toBe('# team\n');
  });

  test('keeps CRLF and a byte order mark', () => {
    const before = `\uFEFFweb1 ${A}\r\nweb2 ${A}\r\n`;
    expect(editPins(before, { host: 'web1', pin: { tag: B } })).toBe(`\uFEFFweb1 ${B}\r\nweb2 ${A}\r\n`);
    expect(editPins(before, { host: 'web1', pin: null })).toBe(`\uFEFFweb2 ${A}\r\n`);
    expect(editPins(before, { host: 'web3', pin: { tag: B } })).toBe(`${before}web3 ${B}\r\n`);
  });

  test('refuses a host that no line can name', () => {
    expect(() => editPins('', { host: '# web1', pin: { tag: B } })).toThrow(RangeError);
  });

  test('is read back as it was meant, whatever the reason, and touches no other host', () => {
    const reason = fc.oneof(anyText, fc.constantFrom('# x', 'until=2026-01-01T00:00Z', 'a\nweb2 trunk', '\r', '#'));
    const other = fc.constantFrom(`web2 ${A}`, '# web1', '', `web* ${A} x`, 'web3 oops', `  web1 ${A}`, 'é\u0085');
    const before = fc
      .tuple(fc.array(other), fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '\n'))
      .map(([lines, end, last]) => lines.join(end) + last);
    const when = fc.option(fc.integer({ min: NOW + 1, max: NOW + 1e10 }), { nil: undefined });
    fc.assert(
      fc.property(before, reason, when, (before, reason, until) => {
        const after = editPins(before, {
          host: 'web1',
          pin: { tag: B, reason, ...(until === undefined ? {} : { until }) },
        });
        const parsed = parsePins(after);
        const words = reason.replace(/[\s\p{Cc}]+/gu, ' ').trim();
        const own = parsed.pins.exact.get('web1' as Hostname);
        expect(own).toMatchObject([{ kind: 'pin', tag: B, until: until ?? null }]);
        const found = pinOf({ pins: parsed.pins, nodes: NO_NODES, now: NOW }, 'web1' as Hostname);
        expect(found).toMatchObject({ kind: 'pin', reason: words });
        const rest = (text: string) => text.split(/\r?\n/).filter((line) => !/^\s*web1\s/.test(line) && line !== '');
        expect(rest(after)).toEqual(rest(before));
      }),
      { numRuns: 500 },
    );
  });
});
