import { createHash } from 'node:crypto';
import { changedSettings } from '../../core/changed-settings.ts';

/** How the text of a control file changed, for people. Null = the file is absent. */
export interface ControlChange {
  /** The lines from the first to the last that differ. */
  readonly before: string | null;
  readonly after: string | null;
  /** `tagstate: 1 line added`. */
  readonly summary: string;
}

const SHOWN_LIMIT = 32 * 1024;

export function describeChange(file: string, before: string | null, after: string | null): ControlChange {
  if (before === null) return { before, after: cut(after), summary: `${file} was created (${lines(after)})` };
  if (after === null) return { before: cut(before), after, summary: `${file} was removed (it had ${lines(before)})` };
  const [old, now] = [linesOf(before), linesOf(after)];
  const start = commonStart(old, now);
  const end = commonStart(old.slice(start).reverse(), now.slice(start).reverse());
  const [gone, come] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  const keys = file === 'server.yml' ? changedSettings(before, after) : undefined;
  const what = keys === undefined || keys.length === 0 ? countOf(gone, come) : `${keys.join(', ')} changed`;
  return { before: cut(gone.join('\n')), after: cut(come.join('\n')), summary: `${file}: ${what}` };
}

function countOf(gone: readonly string[], come: readonly string[]): string {
  const removed = without(gone, come);
  const added = without(come, gone);
  const parts = [added > 0 ? `${plural(added)} added` : '', removed > 0 ? `${plural(removed)} removed` : ''];
  const said = parts.filter((part) => part !== '').join(', ');
  return said === '' ? 'only the order of its lines, or its last line end, changed' : said;
}

/** How many of the lines are not among the others, each of which stands for one only. */
function without(some: readonly string[], others: readonly string[]): number {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return some.filter((line) => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  }).length;
}

function commonStart(some: readonly string[], others: readonly string[]): number {
  const differs = some.findIndex((line, index) => line !== others[index]);
  return differs === -1 ? some.length : differs;
}

function linesOf(text: string): string[] {
  const all = text.split('\n');
  return all.at(-1) === '' ? all.slice(0, -1) : all;
}

function lines(text: string | null): string {
  return plural(linesOf(text ?? '').length);
}

function plural(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`;
}

/** The whole texts are kept as versions; an event is for reading. Its hash covers all of the text all the same. */
function cut(text: string | null): string | null {
  if (text === null || text.length <= SHOWN_LIMIT) return text;
  const whole = createHash('sha256').update(text).digest('hex');
  return `${text.slice(0, SHOWN_LIMIT)}\n… (${text.length - SHOWN_LIMIT} more characters; sha256 of all: ${whole})`;
}
