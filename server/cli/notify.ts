import type { Command } from 'commander';
import type { Context } from '../operations/context.ts';
import { type TargetTold, targetStates, tryTargets } from '../operations/notify.ts';
import type { Attempt } from '../ports/common.ts';
import type { TargetState } from '../ports/notify.ts';
import type { NotifySettings } from '../settings/settings.ts';
import { actor, type CommonOptions, type ExitCode, fail, type Run, succeed, withWorld } from './command.ts';
import { terminal } from './terminal.ts';

export function addNotify(program: Command, run: Run): void {
  program
    .command('notify')
    .summary('who is told of what happens, and what waits for them')
    .description(
      'Lists the targets of notify.targets in server.yml with what waits for each, and why.\n' +
        'With --test, sends a message to all or one of them at once, past what waits, and tells what was answered; exits 1 where one did not take it.',
    )
    .option('--test [name]', 'send a test message at once')
    .action((_options: object, command: Command) => run(notifyCommand(command.optsWithGlobals())));
}

interface NotifyOptions extends CommonOptions {
  /** True for all. */
  readonly test?: string | true;
}

const NO_TARGETS = {
  sentence: 'nobody is told of anything: server.yml has no notify.targets',
  hint: 'samples/server.yml shows how to name some',
};

function notifyCommand(options: NotifyOptions): Promise<ExitCode> {
  return withWorld('reader', options, async ({ context }, { controls }) => {
    const { notify } = controls.settings;
    if (notify.targets.length === 0) return options.test === undefined ? nobody(options) : fail(options, NO_TARGETS);
    if (options.test === undefined) {
      const states = statesIn(context, notify);
      return states.ok ? show(options, notify, states.value) : fail(options, states);
    }
    const only = options.test === true ? null : options.test;
    if (only !== null && !notify.targets.some(({ name }) => name === only))
      return fail(options, {
        sentence: `there is no target ${only}`,
        hint: `those of notify.targets are ${notify.targets.map(({ name }) => name).join(', ')}`,
      });
    return tell(options, await tryTargets(context, { notify, only, by: actor().by }));
  });
}

function statesIn(context: Context, notify: NotifySettings): Attempt<readonly TargetState[]> {
  try {
    return { ok: true, value: targetStates(context, notify) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const hint = 'run this command as the user that runs the server, or as root';
    return { ok: false, sentence: `what waits to be told cannot be read: ${why}`, hint };
  }
}

function nobody(options: NotifyOptions): ExitCode {
  return succeed(options, { ok: true, targets: [] }, () => [NO_TARGETS.sentence, `→ ${NO_TARGETS.hint}`]);
}

function tell(options: NotifyOptions, told: readonly TargetTold[]): ExitCode {
  const ok = told.every((one) => one.ok);
  succeed(options, { ok, targets: told }, () =>
    told.map(({ target, ok, sentence }) => `${target}: ${ok ? 'taken' : 'not taken'}, ${sentence}`),
  );
  if (ok) return 0;
  if (!options.json) terminal.err('→ correct notify.targets in server.yml, or whatever is at the other end');
  return 1;
}

function show(options: NotifyOptions, { targets }: NotifySettings, states: readonly TargetState[]): ExitCode {
  const shown = states.map(({ first, deliveredAt, ...state }) => {
    const { kinds, format } = targets.find(({ name }) => name === state.target) ?? { kinds: [], format: 'json' };
    return {
      ...state,
      format,
      kinds,
      waitingSince: first === null ? null : time(first.at),
      failures: first?.failures ?? 0,
      lastError: first?.lastError ?? null,
      nextAt: first === null || first.failures === 0 ? null : time(first.nextAt),
      deliveredAt: deliveredAt === null ? null : time(deliveredAt),
    };
  });
  return succeed(options, { ok: true, targets: shown }, () => shown.flatMap(linesOf));
}

interface Shown {
  readonly target: string;
  readonly queued: number;
  readonly dropped: number;
  readonly waitingSince: string | null;
  readonly failures: number;
  readonly lastError: string | null;
  readonly nextAt: string | null;
  readonly deliveredAt: string | null;
}

function linesOf({ target, queued, dropped, waitingSince, failures, lastError, nextAt, deliveredAt }: Shown): string[] {
  const last = deliveredAt === null ? 'nothing delivered yet' : `last delivered ${deliveredAt}`;
  const waiting = queued === 0 ? 'nothing waits' : `${queued} waiting since ${waitingSince}`;
  return [
    `${target}: ${waiting}, ${last}`,
    ...(failures === 0 ? [] : [`  not taken ${failures} times, tried again at ${nextAt}: ${lastError}`]),
    ...(dropped === 0 ? [] : [`  ${dropped} dropped since everything was delivered last`]),
  ];
}

function time(at: number): string {
  return new Date(at).toISOString();
}
