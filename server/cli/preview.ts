import type { Command } from 'commander';
import { parseTagName } from '../../protocol/names.ts';
import { parseHostPattern } from '../core/globs.ts';
import { parsePinTag } from '../core/pin-tag.ts';
import { type Preview, type Proposal, preview } from '../operations/preview.ts';
import { type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';

interface Options extends CommonOptions {
  readonly mark?: readonly string[];
  readonly pin?: readonly string[];
  readonly unpin?: readonly string[];
  readonly kill?: readonly (string | true)[] | true;
  readonly resume?: readonly (string | true)[] | true;
}

const STATES = ['good', 'bad', 'badfwd', 'none'] as const;

export function addPreview(program: Command, run: Run): void {
  program
    .command('preview')
    .summary('what changes would move, without making them')
    .option('--mark <tag=state...>', 'e.g. etchautotag-20261120-0800=bad, or =bad:production')
    .option('--pin <host=tag...>', 'e.g. web1.example.com=etchautotag-20261120-0800')
    .option('--unpin <host...>')
    .option('--kill [environment...]', 'the killswitch, of everything or of environments')
    .option('--resume [environment...]')
    .action((_options: object, command: Command) => run(previewCommand(command.optsWithGlobals())));
}

async function previewCommand(options: Options): Promise<ExitCode> {
  const proposal = proposalOf(options);
  if (typeof proposal === 'string')
    return misuse(options, proposal, 'tagwave-server preview --help shows how they are written');
  return withWorld('reader', options, async ({ context }) => {
    const effect = await preview(context, proposal);
    return effect.ok
      ? succeed(options, effect.value, () => [...previewLines(effect.value), effectLine(effect.value)])
      : fail(options, effect);
  });
}

function effectLine({ takesEffect: { at, isAtOnce, settleSeconds } }: Preview): string {
  const counts = `Made now, it would count from ${at.slice(0, 19)}Z on`;
  return isAtOnce ? `${counts}: at once.` : `${counts}: once its file has been unchanged for ${settleSeconds} s.`;
}

type Marks = NonNullable<Proposal['marks']>;
type Pins = NonNullable<Proposal['pins']>;

/** What is proposed, or what in it cannot be understood. */
function proposalOf(options: Options): Proposal | string {
  const marks = allOf(options.mark, markIn, 'mark');
  if (typeof marks === 'string') return marks;
  const pins = allOf(options.pin, pinIn, 'pin');
  if (typeof pins === 'string') return pins;
  const unpins = allOf(options.unpin, unpinIn, 'host name or pattern');
  if (typeof unpins === 'string') return unpins;
  const killswitch = [...switches(options.kill, true), ...switches(options.resume, false)];
  const proposed = marks.length + pins.length + unpins.length + killswitch.length;
  return proposed === 0 ? 'nothing is proposed' : { marks, pins: [...unpins, ...pins], killswitch };
}

function allOf<Item>(
  texts: readonly string[] | undefined,
  parse: (text: string) => Item | undefined,
  what: string,
): readonly Item[] | string {
  const items: Item[] = [];
  for (const text of texts ?? []) {
    const item = parse(text);
    if (item === undefined) return `"${text}" is no ${what}`;
    items.push(item);
  }
  return items;
}

function markIn(text: string): Marks[number] | undefined {
  const [, tagText = '', stateText = '', , scope] = /^([^=]+)=([a-z]+)(:(.+))?$/i.exec(text) ?? [];
  const [tag, state] = [parseTagName(tagText), STATES.find((name) => name === stateText.toLowerCase())];
  if (tag === undefined || state === undefined) return undefined;
  return { tag, state, ...(scope === undefined ? {} : { environments: scope.split(',') }) };
}

function pinIn(text: string): Pins[number] | undefined {
  const [host = '', tagText = ''] = text.split('=');
  const tag = parsePinTag(tagText);
  const unpinned = unpinIn(host);
  return tag === undefined || unpinned === undefined ? undefined : { host: unpinned.host, pin: { tag } };
}

function unpinIn(host: string): { readonly host: string; readonly pin: null } | undefined {
  return parseHostPattern(host) === undefined ? undefined : { host: host.toLowerCase(), pin: null };
}

function switches(value: Options['kill'], on: boolean): { environment: string | null; on: boolean }[] {
  if (value === undefined) return [];
  if (value === true) return [{ environment: null, on }];
  return value.map((environment) => ({ environment: environment === true ? null : environment, on }));
}
