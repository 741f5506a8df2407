import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseTagName, type TagName } from '../../protocol/names.ts';
import type { App } from '../compose.ts';
import { editorOf } from '../compose-commands.ts';
import type { MarkState } from '../core/marks.ts';
import { editMarks, type MarkOrder, mark, missingTag } from '../operations/mark.ts';
import { type Preview, type PreviewOptions, preview } from '../operations/preview.ts';
import type { Ready } from '../operations/world.ts';
import type { Attempt } from '../ports/common.ts';
import {
  actor,
  baseOf,
  type CommonOptions,
  type ExitCode,
  fail,
  failWith,
  missingBase,
  misuse,
  openApp,
  type Run,
  readyWorld,
  succeed,
  withWorld,
} from './command.ts';
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
/** What stops a tag never waits longer than this, neither for a preview nor for another editor. */
const PATIENCE_MS = 2_000;
/** So much before, nothing more is looked up. */
const SPARE_MS = 700;
/** Other editors take some milliseconds: whoever keeps the lock for longer hangs. */
const LOCK_MS = 500;

export function addMark(program: Command, run: Run): void {
  program
    .command('mark')
    .summary('mark a tag good, bad or badfwd, or take its mark off')
    .description(
      'Edits tagstate. Prints first which nodes move from what to what, who goes backwards and who is pinned, then acts.\n' +
        'bad: step back to the newest acceptable tag. badfwd: jump ahead to the next acceptable one.',
    )
    .argument('<tag>', 'etchautotag-YYYYMMDD-HH00')
    .argument('<state>', STATES.join(', '))
    .option('--environment <name>', 'only for this environment; may be repeated', several)
    .option('--reason <text>', 'why; it is kept in tagstate and shown to everyone')
    .option('--force', 'mark a tag that does not exist')
    .option('--dry-run', 'print the effect and stop there')
    .action((tag: string, state: string, _options: Options, command: Command) =>
      run(markCommand(tag, state, command.optsWithGlobals())),
    );
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',')];
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
  const { environment, reason, force } = options;
  const order: MarkOrder = {
    tag,
    state,
    ...(environment === undefined ? {} : { environments: environment }),
    ...(reason === undefined ? {} : { reason }),
    ...(force === undefined ? {} : { force }),
    actor: actor(),
  };
  const stops = state === 'bad' || state === 'badfwd';
  if (stops && !options.dryRun) return markWithoutDelay(order, options);
  return withWorld('editor', options, async (app, ready) => {
    const effect = await effectOf(app, order);
    return effect.ok ? act(app, { order, options, ready, effect: effect.value }) : fail(options, effect);
  });
}

/** What the mark would move, or why it cannot be made. */
async function effectOf({ context }: App, order: MarkOrder, patience: PreviewOptions = {}): Promise<Attempt<Preview>> {
  return missingTag(context, order) ?? preview(context, { marks: [proposalOf(order)] }, patience);
}

function proposalOf({ tag, state, environments }: MarkOrder): {
  tag: TagName;
  state: MarkState | 'none';
  environments?: readonly string[];
} {
  return { tag, state, ...(environments === undefined ? {} : { environments }) };
}

interface Given {
  readonly order: MarkOrder;
  readonly options: Options;
}

interface Foreseen {
  readonly ready: Ready;
  readonly effect: Preview;
}

/** Shows the effect, makes the mark, and says who has been told. */
async function act({ context }: App, { order, options, ready, effect }: Given & Foreseen): Promise<ExitCode> {
  if (!options.json) for (const line of previewLines(effect)) terminal.out(line);
  if (options.dryRun)
    return succeed(options, { ok: true, dryRun: true, preview: effect }, () => ['Nothing was changed (--dry-run).']);
  const marked = await mark(context, order);
  if (!marked.ok) return fail(options, marked);
  const { changed, warning } = marked.value;
  const told = await toldSoFar(context, ready, effect);
  return succeed(
    options,
    { ok: true, changed, ...(warning === undefined ? {} : { warning }), preview: effect, told },
    () => [
      doneLine(order, changed),
      ...(warning === undefined ? [] : [warning]),
      ...toldLines(told, ready.controls.settings.fleet.silentAfterMinutes),
    ],
  );
}

/** The mark is made at the latest after two seconds, whatever else could be worked out by then. */
async function markWithoutDelay(order: MarkOrder, options: Options): Promise<ExitCode> {
  const missing = missingBase(options);
  if (missing !== undefined) return failWith(options, missing);
  const deadline = performance.now() + PATIENCE_MS;
  const left = (): number => Math.max(LOCK_MS, Math.round(deadline - performance.now()));
  const timer = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  const seen = await Promise.race([lookAhead(order, options, deadline), late]);
  timer.abort();
  if (seen?.kind === 'refused') return fail(options, seen);
  if (seen?.kind !== 'foreseen') {
    const why = seen?.why ?? `it took longer than ${PATIENCE_MS / 1000} s`;
    return markBlindly({ order: { ...order, waitMs: left() }, options }, why);
  }
  try {
    return await act(seen.app, { ...seen, order: { ...seen.order, waitMs: left() }, options });
  } finally {
    await seen.app.close();
  }
}

type Seen =
  | ({ readonly kind: 'foreseen'; readonly app: App; readonly order: MarkOrder } & Foreseen)
  /** There is no such tag, environment, … */
  | { readonly kind: 'refused'; readonly sentence: string; readonly hint: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** `deadline` by the monotonic clock: which files change may be left unsaid, who moves not. */
async function lookAhead(order: MarkOrder, options: Options, deadline: number): Promise<Seen> {
  try {
    const opened = await openApp('editor', options);
    if (!opened.ok) return { kind: 'unknown', why: opened.sentences.join('; ') };
    const { app } = opened;
    const ready = await readyWorld(app);
    if (ready.kind === 'not-ready') return { kind: 'unknown', why: ready.sentence };
    // Where no tag is known at all, the repository is lost or unreadable rather than the name mistyped.
    const knowsTags = app.context.shelf.current().tags.length > 0;
    const wanted = knowsTags ? order : { ...order, force: true };
    const patienceMs = Math.max(0, deadline - performance.now() - SPARE_MS);
    const effect = await effectOf(app, wanted, { patienceMs });
    return effect.ok
      ? { kind: 'foreseen', app, ready, order: wanted, effect: effect.value }
      : { kind: 'refused', sentence: effect.sentence, hint: effect.hint };
  } catch (error) {
    return { kind: 'unknown', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Edits the file and nothing else: neither the tags nor the fleet could be looked at. */
async function markBlindly({ order, options }: Given, why: string): Promise<ExitCode> {
  const marked = await editMarks(editorOf(baseOf(options)), new Set(order.environments), order);
  if (!marked.ok) return fail(options, marked);
  const { changed, warning } = marked.value;
  return succeed(
    options,
    { ok: true, changed, ...(warning === undefined ? {} : { warning }), preview: null, unknown: why },
    () => [
      `Its effect could not be worked out beforehand: ${why}.`,
      doneLine(order, changed),
      ...(warning === undefined ? [] : [warning]),
      'Who has been told: "tagwave-server status" shows it when it can be read again.',
    ],
  );
}

function doneLine({ tag, state, environments }: MarkOrder, changed: boolean): string {
  const where = environments === undefined ? '' : ` for ${environments.join(', ')}`;
  if (!changed) return `${tag} is ${state === 'none' ? 'not marked' : `already ${state}`}${where}: nothing to change.`;
  if (state === 'none')
    return `The mark of ${tag}${where} is taken off; it counts once tagstate has been unchanged for a moment.`;
  if (state === 'good') return `${tag} is now good${where}; it counts once tagstate has been unchanged for a moment.`;
  return `${tag} is now ${state}${where}: from now on no host is given it that is not pinned to it.`;
}
