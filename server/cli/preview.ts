import type { Command } from 'commander';
import { parseTagName } from '../../protocol/names.ts';
import { parsePinTag } from '../core/pin-tag.ts';
import { type Proposal, preview } from '../operations/preview.ts';
import { type CommonOptions, type ExitCode, fail, succeed, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';

interface Options extends CommonOptions {
  readonly mark?: readonly string[];
  readonly pin?: readonly string[];
  readonly unpin?: readonly string[];
  readonly kill?: readonly (string | true)[] | true;
  readonly resume?: readonly (string | true)[] | true;
}

const STATES = ['good', 'bad', 'badfwd', 'none'] as const;

export function addPreview(program: Command, run: (code: Promise<ExitCode>) => Promise<void>): void {
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
  if (typeof proposal === 'string') {
    fail(options, { sentence: proposal, hint: 'tagwave-server preview --help shows how they are written' });
    return 2;
  }
  return withWorld('reader', options, async ({ context }) => {
    const effect = await preview(context, proposal);
    return effect.ok ? succeed(options, effect.value, () => previewLines(effect.value)) : fail(options, effect);
  });
}

function proposalOf(options: Options): Proposal | string {
  const marks: NonNullable<Proposal['marks']>[number][] = [];
  for (const text of options.mark ?? []) {
    const [, tagText = '', stateText = '', , scope] = /^([^=]+)=([a-z]+)(:(.+))?$/i.exec(text) ?? [];
    const [tag, state] = [parseTagName(tagText), STATES.find((name) => name === stateText.toLowerCase())];
    if (tag === undefined || state === undefined) return `"${text}" is no mark`;
    marks.push({ tag, state, ...(scope === undefined ? {} : { environments: scope.split(',') }) });
  }
  const pins: NonNullable<Proposal['pins']>[number][] = (options.unpin ?? []).map((host) => ({ host, pin: null }));
  for (const text of options.pin ?? []) {
    const [host = '', tagText = ''] = text.split('=');
    const tag = parsePinTag(tagText);
    if (host === '' || tag === undefined) return `"${text}" is no pin`;
    pins.push({ host: host.toLowerCase(), pin: { tag } });
  }
  const killswitch = [...switches(options.kill, true), ...switches(options.resume, false)];
  if (marks.length + pins.length + killswitch.length === 0) return 'nothing is proposed';
  return { marks, pins, killswitch };
}

function switches(value: Options['kill'], on: boolean): { environment: string | null; on: boolean }[] {
  if (value === undefined) return [];
  if (value === true) return [{ environment: null, on }];
  return value.map((environment) => ({ environment: environment === true ? null : environment, on }));
}
