import * as z from 'zod';
import { type Hostname, parseHostname, parseTagName, type TagName } from '../../protocol/names.ts';
import { parseHostPattern, patternText } from '../core/globs.ts';
import { PIN_TAG, type PinTag, parseInstant, parsePinTag } from '../core/pin-tag.ts';
import type { NewPin } from '../core/pins.ts';
import { parseTokenId, type TokenId } from '../core/token.ts';

/** Parts that several requests have in common. What is accepted is handed on in its narrow type. */

/** Milliseconds since 1970. */
export const instant = parsed('a time with its offset, such as 2026-11-20T08:00Z', parseInstant, {
  pattern: /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/,
  examples: ['2026-11-20T08:00Z'],
});
export const tagName = parsed<TagName>('a tag, etchautotag-YYYYMMDD-HH00 (UTC)', parseTagName, {
  pattern: /^(tags\/)?etchautotag-\d{8}-\d{2}00$/,
  examples: ['etchautotag-20261120-0800'],
});
export const tagOrTrunk = parsed<TagName | 'trunk'>(
  'a tag, etchautotag-YYYYMMDD-HH00 (UTC), or trunk',
  (text) => (text === 'trunk' ? text : parseTagName(text)),
  { pattern: /^(trunk|(tags\/)?etchautotag-\d{8}-\d{2}00)$/, examples: ['etchautotag-20261120-0800'] },
);
/** Of a file in the repository or in a view, as it is named there. */
export const filePath = z.string().min(1, 'expected the path of a file').max(4096, 'at most 4096 characters');
export const pinTag = parsed<PinTag>(PIN_TAG, parsePinTag, {
  pattern: /^(trunk(-\d{8}-\d{4})?|(tags\/)?etchautotag-\d{8}-\d{2}00)$/,
  examples: ['etchautotag-20261120-0700'],
});
export const hostname = parsed<Hostname>('a host name', parseHostname, {
  pattern: /^[A-Za-z0-9.-]{1,254}$/,
  examples: ['web1.example.com'],
});
export const hostPattern = parsed(
  'a host name, or a pattern with * within a label or ** across',
  (text) => {
    const pattern = parseHostPattern(text);
    return pattern && patternText(pattern);
  },
  { pattern: /^[A-Za-z0-9*.-]{1,254}$/, examples: ['web*.example.com'] },
);
/** The first digits of a token's digest. */
export const tokenId = parsed<TokenId>('the id of a token, 16 hex digits', parseTokenId, {
  pattern: /^[0-9a-f]{16}$/,
  examples: ['0123456789abcdef'],
});
export const reason = z
  .string()
  .max(1000, 'at most 1000 characters')
  .meta({ description: 'Why: written into the file, and into the history.', examples: ['broke ntp'] });
export const environments = z
  .array(z.string().max(100))
  .min(1, 'at least one environment, or none of this key')
  .max(100)
  .meta({ description: 'For these environments alone.', examples: [['production']] });
export const pin = z
  .strictObject({ tag: pinTag, until: instant.optional(), reason: reason.optional() })
  .meta({ examples: [{ tag: 'etchautotag-20261120-0700', until: '2026-11-21T08:00Z', reason: 'being looked at' }] });

export function newPin({ tag, until, reason: why }: z.output<typeof pin>): NewPin {
  return { tag, ...(until === undefined ? {} : { until }), ...(why === undefined ? {} : { reason: why }) };
}

/** What is said of a text besides what is expected: everything that is accepted fits the pattern, which is looked at first. */
interface Form {
  readonly pattern?: RegExp;
  readonly examples?: readonly string[];
  readonly [keyword: string]: unknown;
}

export function parsed<Value>(
  expected: string,
  parse: (text: string) => Value | undefined,
  { pattern, ...said }: Form = {},
) {
  const text = z.string(`expected ${expected}`);
  const formed = pattern === undefined ? text : text.regex(pattern, `expected ${expected}`);
  const described = formed.meta({ description: `${expected.charAt(0).toUpperCase()}${expected.slice(1)}`, ...said });
  return described.transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

/** A whole number written in digits. */
export function digits(expected: string, most: number) {
  return parsed<number>(
    expected,
    (text) => {
      const number = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
      return number !== undefined && number <= most ? number : undefined;
    },
    { type: 'integer', minimum: 0, maximum: most },
  );
}
