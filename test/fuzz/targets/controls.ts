import type { Environment, Hostname, TagName } from '../../../protocol/names.ts';
import { killswitchText, lookFromText, readKillswitch } from '../../../server/core/killswitch.ts';
import {
  groupByTag,
  markOf,
  marksFromJson,
  marksToJson,
  sameMarks,
  stepMarks,
  stops,
} from '../../../server/core/marks.ts';
import { NO_NODES } from '../../../server/core/nodes.ts';
import { parsePins, pinOf } from '../../../server/core/pins.ts';
import { parseTagstate } from '../../../server/core/tagstate.ts';
import { editTagstate } from '../../../server/core/tagstate-edit.ts';
import { linesOf, textOf } from '../../../server/core/text-lines.ts';
import { textsOf } from '../inputs.ts';
import { must, type Target, target } from '../target.ts';

const TAGS = ['etchautotag-20261120-0800', 'etchautotag-20261120-0900'] as TagName[];
const [TAG] = TAGS as [TagName];
const KNOWN = new Set(['development', 'qa', 'production']) as unknown as ReadonlySet<Environment>;
const MARKS = [
  ...[...TAGS, `tags/${TAGS[0]}`, 'etchautotag-20261320-0800', 'good', 'bad', 'badfwd', 'GOOD', 'Bad', 'goood', 'none'],
  ...['bad:', 'good:', 'bad:production', 'good:production,qa', 'good:prod', 'bad:prod,', ':', '#', '# reason', '"why"'],
];

/** Bad or badfwd, in every environment in which it can be asked. */
function stoppedIn(text: string, tag: TagName): string[] {
  const { lines } = parseTagstate(text, 'tagstate');
  const marks = { base: groupByTag(lines), repository: new Map(), environments: KNOWN };
  return [...KNOWN].filter((environment) => stops(markOf(marks, tag, environment)?.state));
}

export const tagstate: Target = target({
  name: 'tagstate',
  weight: 3,
  words: MARKS,
  inputs: textsOf(MARKS, [' ', ' ', '\n', '\r\n', '']),
  check(input) {
    const text = input.toString();
    must(textOf(linesOf(text)) === text, 'lines make up the text again', text);
    const { lines, problems } = parseTagstate(text, 'tagstate');
    must(problems.length <= 202, 'problems are bounded', problems.length);
    lineByLine(text);
    const marks = groupByTag(lines);
    const back = marksFromJson(marksToJson(marks));
    must(back.ok && sameMarks(back.marks, marks), 'marks in effect survive a restart', text);
    for (const line of parseTagstate(text, 'repository').lines)
      must(line.state !== 'good', 'who commits does not approve', line);
    whileBeingWritten(text);
    edited(text);
  },
});

/** A line that cannot be understood never lets a tag go that was stopped before it. */
function lineByLine(text: string): void {
  const lines = linesOf(text).slice(0, 30);
  for (const [index, line] of lines.entries()) {
    const read = parseTagstate(line.text, 'tagstate').lines;
    if (read.some(({ state }) => state === 'good')) continue;
    const before = textOf(lines.slice(0, index));
    const now = textOf(lines.slice(0, index + 1));
    for (const tag of TAGS) {
      const still = stoppedIn(now, tag);
      for (const environment of stoppedIn(before, tag))
        must(still.includes(environment), 'what was stopped stays so', { before, now, environment });
    }
  }
}

/** However much of the file is there yet: what stops counts, and nothing is let go. */
function whileBeingWritten(text: string): void {
  const inEffect = groupByTag(parseTagstate(`${TAG} bad before\n`, 'tagstate').lines);
  const candidate = groupByTag(parseTagstate(text.slice(0, text.length / 2), 'tagstate').lines);
  const next = stepMarks({ inEffect, candidate, settled: false, environments: KNOWN });
  for (const environment of KNOWN) {
    const mark = markOf({ base: next, repository: new Map(), environments: KNOWN }, TAG, environment);
    must(stops(mark?.state), 'a file in the middle of being written lets nothing go', text);
  }
}

function edited(text: string): void {
  const made = editTagstate(text, { tag: TAG, state: 'bad', reason: 'why', known: KNOWN });
  if ('refused' in made) return;
  must(stoppedIn(made.text, TAG).length === KNOWN.size, 'an edit does what it says', made.text);
  const others = (of: string) =>
    linesOf(of.replace(/^\uFEFF/, ''))
      .filter(({ text: line }) => !line.includes(TAG))
      .map((line) => line.text);
  must(others(made.text).join('\n').startsWith(others(text).join('\n')), 'an edit leaves other lines', made.text);
  const again = editTagstate(made.text, { tag: TAG, state: 'bad', reason: 'why', known: KNOWN });
  must('text' in again && !again.changed, 'the same edit twice changes nothing', made.text);
}

const PINS = [
  'web1',
  'web*',
  '**',
  'WEB1.',
  'a b',
  'trunk',
  'trunk-20261120-0800',
  TAG,
  'until=',
  'until=2026-11-21T08:00Z',
];

export const pins: Target = target({
  name: 'pins',
  weight: 2,
  words: PINS,
  inputs: textsOf(PINS, [' ', ' ', '\n']),
  check(input) {
    const text = input.toString();
    const parsed = parsePins(text);
    const hostname = 'web1' as Hostname;
    const now = Date.UTC(2026, 10, 20);
    pinOf({ pins: parsed.pins, nodes: NO_NODES, now }, hostname);
    // Whatever else a file says, a line about one host that nobody understands holds that host.
    const broken = parsePins(`${text}\n${hostname} no-tag-at-all\n`);
    const found = pinOf({ pins: broken.pins, nodes: NO_NODES, now }, hostname);
    must(found?.kind === 'bad', 'a line that cannot be understood holds the host it names', text);
    must(broken.errors.length > 0, 'and it is told', text);
  },
});

const STOPS = ['production', 'qa', 'prod', '["", null, []]', '[null,', 'null,', '[["qa","x"]]', ']', '"message"'];

export const killswitch: Target = target({
  name: 'killswitch',
  weight: 1,
  words: STOPS,
  inputs: textsOf(STOPS),
  check(input) {
    const text = input.toString();
    const look = { global: null, doubt: null, environments: new Map([[text, 'stop']]) };
    const recorded = killswitchText(look);
    must(recorded !== null, 'a file in killswitch.d is noticed', text);
    for (const seen of [look, lookFromText(recorded)]) {
      const { killswitch: found } = readKillswitch(seen, KNOWN);
      must(found.global !== null || found.environments.has(text), 'a file in killswitch.d always stops somebody', text);
    }
    const all = readKillswitch({ global: text, doubt: null, environments: new Map() }, KNOWN);
    must(all.killswitch.global?.message === text, 'a killswitch stops all, whatever it says', text);
  },
});
