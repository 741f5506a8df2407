import * as z from 'zod';
import { parseTagName, type TagName } from '../../protocol/names.ts';
import { PIN_TAG, type PinTag, parseInstant, parsePinTag } from '../core/pin-tag.ts';
import type { NewPin } from '../core/pins.ts';

/** Parts that several requests have in common. What is accepted is handed on in its narrow type. */

/** Milliseconds since 1970. */
export const instant = parsed('a time with its offset, such as 2026-11-20T08:00Z', parseInstant);
export const tagName = parsed<TagName>('a tag, etchautotag-YYYYMMDD-HH00 (UTC)', parseTagName);
export const tagOrTrunk = parsed<TagName | 'trunk'>('a tag, etchautotag-YYYYMMDD-HH00 (UTC), or trunk', (text) =>
  text === 'trunk' ? text : parseTagName(text),
);
/** Of a file in the repository or in a view, as it is named there. */
export const filePath = z.string().min(1, 'expected the path of a file').max(4096, 'at most 4096 characters');
export const pinTag = parsed<PinTag>(PIN_TAG, parsePinTag);
export const reason = z.string().max(1000, 'at most 1000 characters');
export const environments = z
  .array(z.string().max(100))
  .min(1, 'at least one environment, or none of this key')
  .max(100);
export const pin = z.strictObject({ tag: pinTag, until: instant.optional(), reason: reason.optional() });

export function newPin({ tag, until, reason: why }: z.output<typeof pin>): NewPin {
  return { tag, ...(until === undefined ? {} : { until }), ...(why === undefined ? {} : { reason: why }) };
}

export function parsed<Value>(expected: string, parse: (text: string) => Value | undefined) {
  return z.string(`expected ${expected}`).transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

/** A whole number written in digits. */
export function digits(expected: string, most: number) {
  return parsed<number>(expected, (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
    return number !== undefined && number <= most ? number : undefined;
  });
}
