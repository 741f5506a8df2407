import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseTagName } from '../../protocol/names.ts';
import { plainJson } from '../core/plain-json.ts';
import { type ArrivalNow, type ArrivalQuestion, arrivalNow } from '../operations/arrival.ts';
import type { Context } from '../operations/context.ts';
import type { Ready } from '../operations/world.ts';
import {
  type CommonOptions,
  type ExitCode,
  type Failure,
  fail,
  failWith,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import { stopSignal } from './signals.ts';
import { plural, someOf, terminal } from './terminal.ts';

interface Options extends CommonOptions {
  readonly tag: string;
  readonly environment: string;
  readonly wave?: string;
  readonly timeout?: string;
  readonly percent?: string;
  readonly told?: true;
}

interface Wish extends ArrivalQuestion {
  readonly percent: number;
  /** Undefined: as long as it takes. */
  readonly timeoutSeconds: number | undefined;
}

const LONGEST_SECONDS = 30 * 24 * 3_600;
const LOOK_MS = 1_000;

export function addWait(program: Command, run: Run): void {
  program
    .command('wait')
    .summary('wait until a tag has arrived everywhere in an environment')
    .description(
      'Exits 0 once every node of the environment runs the content of the tag or a newer tag. Nodes that have not asked for ' +
        'long are not waited for, nor those that a pin keeps elsewhere; both are named. Exits 1 when the time is up, naming ' +
        'who is missing, and at once where the tag will never come, as when it is marked bad.',
    )
    .requiredOption('--tag <tag>', 'etchautotag-YYYYMMDD-HH00')
    .requiredOption('--environment <name>', 'where it is to arrive')
    .option('--wave <wave>', 'only in this wave of the environment')
    .option('--timeout <seconds>', 'how long to wait (default: as long as it takes)')
    .option('--percent <number>', 'this share of the nodes is enough (default: 100)')
    .option('--told', 'of hosts that never say what they run, to be told the tag is enough')
    .action((_options: object, command: Command) => run(waitCommand(command.optsWithGlobals())));
}

async function waitCommand(options: Options): Promise<ExitCode> {
  const tag = parseTagName(options.tag);
  if (tag === undefined)
    return misuse(options, `"${options.tag}" is no tag`, 'write it like etchautotag-20261120-0800 (UTC)');
  const seconds = optionalNumber(options.timeout, { min: 0, max: LONGEST_SECONDS });
  if (seconds === null)
    return misuse(
      options,
      `"${options.timeout}" is no number of seconds`,
      `e.g. --timeout 3600, at most ${LONGEST_SECONDS}`,
    );
  const percent = optionalNumber(options.percent, { min: 1, max: 100 });
  if (percent === null) return misuse(options, `"${options.percent}" is no share`, '1 to 100');
  return withWorld('reader', options, async ({ context }, ready) => {
    const unknown = unknownPlace(options, ready);
    if (unknown !== undefined) return fail(options, unknown);
    const { environment, wave, told = false } = options;
    const wish = { tag, environment, wave, countsTold: told, percent: percent ?? 100, timeoutSeconds: seconds };
    return waitFor(context, options, wish);
  });
}

/** Null where it is none, undefined where nothing is said. */
function optionalNumber(text: string | undefined, bounds: { readonly min: number; readonly max: number }) {
  return text === undefined ? undefined : (wholeNumber(text, bounds) ?? null);
}

function unknownPlace(
  { environment, wave }: Options,
  { world }: Ready,
): { sentence: string; hint: string } | undefined {
  const { waves } = world.schedule;
  const there = waves.filter((one) => one.environment === environment).map(({ name }) => name);
  const environments = [...new Set(waves.map((one) => one.environment))].join(', ');
  if (there.length === 0)
    return { sentence: `the schedule has no environment "${environment}"`, hint: `there are ${environments}` };
  if (wave === undefined || there.includes(wave)) return undefined;
  return { sentence: `${environment} has no wave "${wave}"`, hint: `there are ${there.join(', ')}` };
}

async function waitFor(context: Context, options: CommonOptions, wish: Wish): Promise<ExitCode> {
  const { clock } = context;
  const begun = clock.monotonic();
  const over = new AbortController();
  void stopSignal().then(() => over.abort());
  for (;;) {
    const now = await arrivalNow(context, wish);
    if ('kind' in now) return fail(options, now);
    const seconds = (clock.monotonic() - begun) / 1000;
    const result = { wish, now, seconds };
    if (now.never !== undefined)
      return give(options, result, { sentences: [`${wish.tag} will not arrive: ${now.never}`], hint: NEVER });
    if (hasArrived(now, wish.percent)) return arrived(options, result);
    if (over.signal.aborted)
      return give(options, result, { sentences: ['interrupted', ...missingLines(result)], hint: WHO });
    if (wish.timeoutSeconds !== undefined && seconds >= wish.timeoutSeconds)
      return give(options, result, { sentences: [timeIsUp(result), ...missingLines(result)], hint: WHO });
    terminal.progress(progressOf(result));
    const left = wish.timeoutSeconds === undefined ? LOOK_MS : (wish.timeoutSeconds - seconds) * 1000;
    await delay(Math.min(LOOK_MS, left), undefined, { signal: over.signal }).catch(() => undefined);
  }
}

const NEVER = 'wait for the tag that takes its place; "tagwave-server tags" lists them with their marks';
const WHO = '"tagwave-server nodes --behind" and "tagwave-server explain HOST" tell more of a node';

interface Result {
  readonly wish: Wish;
  readonly now: ArrivalNow;
  readonly seconds: number;
}

/** Where nobody is known, or nobody has been heard of, nothing has arrived. */
function hasArrived({ there, missing }: ArrivalNow, percent: number): boolean {
  return there > 0 && there * 100 >= percent * (there + missing.length);
}

function arrived(options: CommonOptions, result: Result): ExitCode {
  const { wish, now } = result;
  terminal.progress('');
  return succeed(options, { ok: true, ...shownResult(result) }, () => [
    `${wish.tag} has arrived in ${placeOf(wish)}: ${now.there} of ${plural(now.there + now.missing.length, 'node')}.`,
    ...leftOut(now),
  ]);
}

function give(options: CommonOptions, result: Result, failure: Failure): ExitCode {
  terminal.progress('');
  if (options.json !== true) return failWith(options, failure);
  const { sentences, hint } = failure;
  terminal.out(plainJson({ ok: false, errors: sentences, hint, ...shownResult(result) }));
  return 1;
}

function shownResult({ wish, now, seconds }: Result) {
  const { tag, environment, wave = null, percent } = wish;
  const { there, missing, silent, pinned, holding } = now;
  const names = (nodes: ArrivalNow['missing']) => nodes.map(({ hostname }) => hostname);
  return {
    tag,
    environment,
    wave,
    percent,
    seconds: Math.round(seconds),
    there,
    missing: missing.map(({ hostname, wave: of, running, told, due }) => ({ hostname, wave: of, running, told, due })),
    silent: names(silent),
    pinned: names(pinned),
    holding,
  };
}

function timeIsUp({ wish, now }: Result): string {
  const { there, missing } = now;
  const place = placeOf(wish);
  const after = `after ${plural(wish.timeoutSeconds ?? 0, 'second')}`;
  if (there + missing.length > 0)
    return `${after} ${wish.tag} is on ${there} of ${plural(there + missing.length, 'node')} of ${place}`;
  return `${after} no node of ${place} has been heard of that ${wish.tag} could be on`;
}

function missingLines({ now: { missing, ...now } }: Result): string[] {
  const byState = new Map<string, string[]>();
  for (const { hostname, running, told, due, behind } of missing) {
    const unknown = behind ? 'runs content of no known tag' : 'does not say what it runs';
    const state = `${running === 'unknown' ? unknown : `runs ${running}`}, was told ${told}`;
    const key = due === told ? state : `${state}, is due ${due}`;
    byState.set(key, [...(byState.get(key) ?? []), hostname]);
  }
  return [
    ...[...byState].map(([state, names]) => `missing: ${someOf(names)} (${state})`),
    ...now.holding,
    ...leftOut(now),
  ];
}

function leftOut({ silent, pinned }: Pick<ArrivalNow, 'silent' | 'pinned'>): string[] {
  const names = (nodes: ArrivalNow['missing']) => someOf(nodes.map(({ hostname }) => hostname));
  return [
    ...(silent.length === 0 ? [] : [`not waited for, as silent for long: ${names(silent)}`]),
    ...(pinned.length === 0 ? [] : [`not waited for, as pinned elsewhere: ${names(pinned)}`]),
  ];
}

function progressOf({ wish, now, seconds }: Result): string {
  const { there, missing, holding } = now;
  const rest = holding.length === 0 ? '' : `; ${holding[0]}`;
  return `${wish.tag}: ${there} of ${plural(there + missing.length, 'node')} of ${placeOf(wish)}, ${Math.round(seconds)} s${rest}`;
}

function placeOf({ environment, wave }: Wish): string {
  return wave ?? environment;
}
