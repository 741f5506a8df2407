import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseTagName, type TagName } from '../../protocol/names.ts';
import type { App } from '../compose.ts';
import { editorOf } from '../compose.ts';
import type { MarkState } from '../core/marks.ts';
import { editMarks, type MarkOrder, mark } from '../operations/mark.ts';
import { type Preview, preview } from '../operations/preview.ts';
import type { Ready } from '../operations/world.ts';
import { actor, baseOf, type CommonOptions, type ExitCode, fail, misuse, succeed, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';
import { terminal } from './terminal.ts';
import { toldLines, toldSoFar } from './told.ts';

interface Options extends CommonOptions {
  readonly environment?: readonly string[];
  readonly reason?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const STATES = ['good', 'bad', 'badfwd', 'none'] as const;
/** What stops a tag never waits longer than this for a preview. */
const PATIENCE_MS = 2_000;

export function addMark(program: Command, run: (code: Promise<ExitCode>) => Promise<void>): void {
  program
    .command('mark')
    .summary('mark a tag good, bad or badfwd, or take its mark off')
    .description(
      'Edits tagstate. Prints first which nodes move from what to what, who goes backwards and who is pinned, then acts.\n' +
        'bad: step back to the newest acceptable tag. badfwd: jump ahead to the next acceptable one.',
    )
    .argument('<tag>', 'etchautotag-YYYYMMDD-HH00')
    .argument('<state>', STATES.join(', '))
    .option('--environment <name...>', 'only for these environments')
    .option('--reason <text>', 'why; it is kept in tagstate and shown to everyone')
    .option('--force', 'mark a tag that does not exist')
    .option('--dry-run', 'print the effect and stop there')
    .action((tag: string, state: string, _options: Options, command: Command) =>
      run(markCommand(tag, state, command.optsWithGlobals())),
    );
}

async function markCommand(tagText: string, stateText: string, options: Options): Promise<ExitCode> {
  const tag = parseTagName(tagText);
  const state = STATES.find((name) => name === stateText.toLowerCase());
  if (tag === undefined)
    return misuse(
      options,
      `"${tagText}" is no tag`,
      'a tag is called etchautotag-YYYYMMDD-HH00; "tagwave-server tags" lists them',
    );
  if (state === undefined) return misuse(options, `"${stateText}" is no state`, `the states are ${STATES.join(', ')}`);
  const order: MarkOrder = {
    tag,
    state,
    ...(options.environment === undefined
      ? {}
      : { environments: options.environment.flatMap((name) => name.split(',')) }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.force === undefined ? {} : { force: options.force }),
    by: actor(),
  };
  const stops = state === 'bad' || state === 'badfwd';
  if (!stops || options.dryRun)
    return withWorld('editor', options, (app, ready) => markWithPreview(app, ready, { order, options }));
  return markWithoutDelay(order, options);
}

interface Given {
  readonly order: MarkOrder;
  readonly options: Options;
}

async function markWithPreview(app: App, ready: Ready, given: Given): Promise<ExitCode> {
  const effect = await preview(app.context, { marks: [proposalOf(given.order)] });
  return effect.ok ? act(app, ready, { ...given, effect: effect.value }) : fail(given.options, effect);
}

/** Shows the effect, makes the mark, and says who has been told. */
async function act(
  { context }: App,
  ready: Ready,
  { order, options, effect }: Given & { readonly effect: Preview },
): Promise<ExitCode> {
  if (!options.json) for (const line of previewLines(effect)) terminal.out(line);
  if (options.dryRun)
    return succeed(options, { ok: true, dryRun: true, preview: effect }, () => ['Nothing was changed (--dry-run).']);
  const marked = await mark(context, order);
  if (!marked.ok) return fail(options, marked);
  const told = await toldSoFar(context, ready, effect);
  return succeed(options, { ok: true, ...marked.value, preview: effect, told }, () => [
    doneLine(order, marked.value.changed),
    ...(marked.value.warning === undefined ? [] : [marked.value.warning]),
    ...toldLines(told, ready.controls.settings.fleet.silentAfterMinutes),
  ]);
}

/** The mark is made at the latest after two seconds, whatever else could be worked out by then. Whoever claims it first makes it. */
async function markWithoutDelay(order: MarkOrder, options: Options): Promise<ExitCode> {
  let claimed = false;
  const claim = (): boolean => {
    const first = !claimed;
    claimed = true;
    return first;
  };
  const orderly = withWorld('editor', options, async (app, ready) => {
    const effect = await preview(app.context, { marks: [proposalOf(order)] });
    if (!claim()) return 0;
    return effect.ok
      ? act(app, ready, { order, options, effect: effect.value })
      : markBlindly(order, { options, why: effect.sentence });
  }).catch((error: unknown) =>
    fail(options, {
      sentence: error instanceof Error ? error.message : String(error),
      hint: 'the mark is made all the same',
    }),
  );
  const timer = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  const code = await Promise.race([orderly, late]);
  timer.abort();
  if (claim())
    return markBlindly(order, {
      options,
      why: code === undefined ? `it took longer than ${PATIENCE_MS / 1000} s` : 'see above',
    });
  return code ?? orderly;
}

/** Edits the file and nothing else: neither the tags nor the fleet could be looked at. */
async function markBlindly(
  order: MarkOrder,
  { options, why }: { readonly options: Options; readonly why: string },
): Promise<ExitCode> {
  const known = new Set(order.environments);
  const marked = await editMarks(editorOf(baseOf(options)), known, order);
  if (!marked.ok) return fail(options, marked);
  return succeed(options, { ok: true, ...marked.value, preview: null, unknown: why }, () => [
    `Its effect could not be worked out beforehand: ${why}.`,
    doneLine(order, marked.value.changed),
    'Who has been told: "tagwave-server status" shows it when it can be read again.',
  ]);
}

function proposalOf({ tag, state, environments }: MarkOrder): {
  tag: TagName;
  state: MarkState | 'none';
  environments?: readonly string[];
} {
  return { tag, state, ...(environments === undefined ? {} : { environments }) };
}

function doneLine({ tag, state, environments }: MarkOrder, changed: boolean): string {
  const where = environments === undefined ? '' : ` for ${environments.join(', ')}`;
  if (!changed) return `${tag} is ${state === 'none' ? 'not marked' : `already ${state}`}${where}: nothing to change.`;
  if (state === 'none')
    return `The mark of ${tag}${where} is taken off; it counts once tagstate has been unchanged for a moment.`;
  if (state === 'good') return `${tag} is now good${where}; it counts once tagstate has been unchanged for a moment.`;
  return `${tag} is now ${state}${where}: no host is given it from now on.`;
}
