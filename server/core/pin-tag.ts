import { parseTagName, type TagName } from '../../protocol/names.ts';

/** What a host can be pinned to: an autotag, trunk, or trunk for some hours after an instant (`trunk-YYYYMMDD-HHMM`, UTC). */
export type PinTag = TagName | 'trunk' | `trunk-${string}`;

export const PIN_TAG = 'etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM';

const STAMP = /^trunk-(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})$/;
const INSTANT = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/** Accepts a leading `tags/` before an autotag. Undefined for anything that no pin can name. */
export function parsePinTag(text: string): PinTag | undefined {
  if (text === 'trunk') return text;
  return stampOf(text) === undefined ? parseTagName(text) : (text as `trunk-${string}`);
}

/** The instant (milliseconds since 1970) in `trunk-YYYYMMDD-HHMM`; undefined for anything else. */
export function stampOf(text: string): number | undefined {
  const parts = STAMP.exec(text);
  if (!parts) return undefined;
  const [year, month, day, hour, minute] = parts.slice(1);
  return parseInstant(`${year}-${month}-${day}T${hour}:${minute}Z`);
}

/** RFC 3339 with its offset; seconds may be left out. Milliseconds since 1970, undefined for what is no such instant. */
export function parseInstant(text: string): number | undefined {
  const parts = INSTANT.exec(text);
  if (!parts) return undefined;
  const [, date = '', minutes = '', seconds = ':00', offset = ''] = parts;
  const day = Date.parse(`${date}T00:00Z`);
  // The 30th of February is read as some day of March.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date || minutes > '23:59') return undefined;
  const at = Date.parse(`${date}T${minutes}${seconds}${offset.toUpperCase()}`);
  return Number.isNaN(at) ? undefined : at;
}
