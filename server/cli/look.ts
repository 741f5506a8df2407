import type { Command } from 'commander';
import { parseHostname } from '../../protocol/names.ts';
import type { Decision } from '../core/decide.ts';
import { parseInstant } from '../core/pin-tag.ts';
import type { Context } from '../operations/context.ts';
import { type Explanation, explain } from '../operations/explain.ts';
import { type ListedTag, listNodes, listTags, type Status, status } from '../operations/overview.ts';
import { refreshTagProblems } from '../operations/refresh-shelf.ts';
import type { EventKind } from '../ports.ts';
import { type CommonOptions, type ExitCode, fail, misuse, succeed, withWorld } from './command.ts';
import { plural, printable, someOf, table } from './terminal.ts';

type Run = (code: Promise<ExitCode>) => Promise<void>;

export function addExplain(program: Command, run: Run): void {
  program
    .command('explain')
    .summary('why a host gets, got or will get what it does')
    .argument('<host>', 'host name')
    .option('--at <time>', 'in the past as it was, in the future with one unmarked tag an hour; e.g. 2026-11-20T14:00Z')
    .action((host: string, _options: object, command: Command) => run(explainCommand(host, command.optsWithGlobals())));
}

async function explainCommand(host: string, options: CommonOptions & { at?: string }): Promise<ExitCode> {
  const hostname = parseHostname(host);
  const at = options.at === undefined ? undefined : parseInstant(options.at);
  if (hostname === undefined)
    return misuse(
      options,
      `${JSON.stringify(host)} is no host name`,
      'letters, digits and hyphens, in labels of at most 63, separated by dots',
    );
  if (options.at !== undefined && at === undefined)
    return misuse(options, `"${options.at}" is no time`, 'write it like 2026-11-21T08:00Z');
  return withWorld('reader', options, async ({ context }) => {
    const explained = await explain(context, hostname, at);
    return explained.ok
      ? succeed(options, explained.value, () => explanationLines(explained.value))
      : fail(options, explained);
  });
}

function explanationLines({ hostname, at, environment, wave, groups, decision, notes }: Explanation): string[] {
  const where = wave === '' ? 'wave unknown' : `${environment}, wave ${wave}`;
  return [
    `${hostname} at ${at}: ${decisionText(decision)}`,
    `  ${where}; groups: ${groups.length === 0 ? 'none' : groups.join(', ')}`,
    ...decision.reasons.map((reason) => `  · ${printable(reason)}`),
    ...(decision.outcome === 'serve' ? [] : [`  → ${printable(decision.message)}`]),
    ...notes.map((note) => `  (${note})`),
  ];
}

function decisionText(decision: Decision): string {
  if (decision.outcome === 'serve') return decision.tag;
  return decision.outcome === 'hold' ? `hold ${decision.hold}` : 'killswitch';
}

export function addStatus(program: Command, run: Run): void {
  program
    .command('status')
    .summary('what runs where, and what needs looking at')
    .action((_options: object, command: Command) => run(statusCommand(command.optsWithGlobals())));
}

function statusCommand(options: CommonOptions): Promise<ExitCode> {
  return withWorld('reader', options, async ({ context }, ready) => {
    context.problems.set('control files', ready.controls.problems);
    refreshTagProblems(context);
    const now = await status(context);
    return 'kind' in now ? fail(options, now) : succeed(options, now, () => statusLines(now));
  });
}

function statusLines(now: Status): string[] {
  const waves = now.waves.map((wave) => {
    const told = Object.entries(wave.told).map(([answer, count]) => `${count} × ${answer}`);
    return [wave.wave, wave.environment, `${wave.hours} h`, wave.answer, String(wave.nodes), told.join(', ')];
  });
  return [
    ...now.killswitch.flatMap(({ environment, message, told, silent }) => [
      `KILLSWITCH ${environment ?? 'for everything'}: ${message === '' ? '(no message)' : printable(message)}`,
      `  told: ${told} of ${told + silent.length}${silent.length === 0 ? '' : `; not yet: ${someOf(silent)}`}`,
    ]),
    table(['wave', 'environment', 'lag', 'gets', 'nodes', 'told last'], waves),
    `${plural(now.tags.count, 'tag')}${now.tags.newest === null ? '' : `, newest ${now.tags.newest}`}; trunk ${
      now.trunk === null ? 'was never fetched' : `${now.trunk.commit.slice(0, 12)}, fetched ${now.trunk.fetched}`
    }`,
    `${plural(now.nodes.known, 'known node')}${now.nodes.silent.length === 0 ? '' : `, ${now.nodes.silent.length} silent: ${someOf(now.nodes.silent)}`}`,
    ...now.problems.flatMap((problem) => [
      `${problem.severity.toUpperCase()} since ${problem.since}: ${printable(problem.sentence)}`,
      `  → ${problem.hint}`,
    ]),
    ...(now.problems.length === 0 ? ['No problems.'] : []),
  ];
}

export function addTags(program: Command, run: Run): void {
  program
    .command('tags')
    .summary('the tags, newest first, with marks and the nodes on them')
    .option('--limit <count>', 'how many', '48')
    .action((_options: object, command: Command) => run(tagsCommand(command.optsWithGlobals())));
}

function tagsCommand(options: CommonOptions & { limit: string }): Promise<ExitCode> {
  return withWorld('reader', options, async ({ context }) => {
    const tags = await listTags(context);
    if ('kind' in tags) return fail(options, tags);
    const shown = tags.slice(0, Number(options.limit));
    return succeed(options, { tags: shown }, () => [
      tags.length === 0
        ? 'There are no tags yet.'
        : table(['tag', 'commit', 'mark', 'nodes', 'what'], shown.map(tagRow)),
      ...(shown.length < tags.length ? [`${tags.length - shown.length} older ones; --limit shows more`] : []),
    ]);
  });
}

function tagRow(tag: ListedTag): string[] {
  const states = Object.entries(tag.marks);
  const same = new Set(states.map(([, mark]) => mark.state)).size === 1;
  const mark = same ? (states[0]?.[1].state ?? '') : states.map(([name, { state }]) => `${state}:${name}`).join(' ');
  const remarks = [
    tag.broken === null ? '' : `broken: ${tag.broken}`,
    tag.stale ? 'stale' : '',
    tag.ahead ? 'ahead of the clock' : '',
  ];
  const what = [`${tag.origin}, ${tag.subject}`, ...remarks.filter((remark) => remark !== '')].join('; ');
  return [tag.name, tag.commit.slice(0, 12), mark, String(tag.nodes), what];
}

export function addNodes(program: Command, run: Run): void {
  program
    .command('nodes')
    .summary('the fleet: what each node was told, runs and reported')
    .action((_options: object, command: Command) => run(nodesCommand(command.optsWithGlobals())));
}

function nodesCommand(options: CommonOptions): Promise<ExitCode> {
  return withWorld('reader', options, async ({ context }) => {
    const nodes = await listNodes(context);
    if ('kind' in nodes) return fail(options, nodes);
    const rows = nodes.map((node) => [
      node.hostname,
      node.told?.wave ?? '',
      node.answer,
      node.running?.slice(7, 19) ?? '',
      node.lastReport?.outcome ?? '',
      `${new Date(node.lastSeen).toISOString()}${node.silent ? ' silent' : ''}`,
    ]);
    return succeed(options, { nodes }, () => [
      nodes.length === 0
        ? 'No node has asked yet.'
        : table(['host', 'wave', 'told', 'runs', 'reported', 'last seen'], rows),
    ]);
  });
}

export function addEvents(program: Command, run: Run): void {
  program
    .command('events')
    .summary('what changed, when, and who did it')
    .option('--since <time>', 'e.g. 2026-11-20T14:00Z')
    .option(
      '--kind <kind...>',
      'control-file, tag-created, tag-pruned, fetch, assignment, report, problem-raised, problem-cleared, server',
    )
    .option('--subject <name>', 'a file, tag, host name or problem')
    .option('--limit <count>', 'how many, the newest', '50')
    .action((_options: object, command: Command) => run(eventsCommand(command.optsWithGlobals())));
}

interface EventOptions extends CommonOptions {
  readonly since?: string;
  readonly kind?: readonly EventKind[];
  readonly subject?: string;
  readonly limit: string;
}

async function eventsCommand(options: EventOptions): Promise<ExitCode> {
  const since = options.since === undefined ? undefined : parseInstant(options.since);
  if (options.since !== undefined && since === undefined)
    return misuse(options, `"${options.since}" is no time`, 'write it like 2026-11-21T08:00Z');
  return withWorld('reader', options, async ({ context }) => {
    const events = await eventsOf(context, options, since);
    return succeed(options, { events }, () => [
      ...events.map((event) => `${new Date(event.at).toISOString()}  ${event.by}: ${printable(event.summary)}`),
      ...(events.length === 0 ? ['Nothing is recorded of that.'] : []),
    ]);
  });
}

async function eventsOf(context: Context, options: EventOptions, since: number | undefined) {
  const events = await context.store.events({
    limit: Number(options.limit),
    ...(since === undefined ? {} : { since }),
    ...(options.kind === undefined ? {} : { kinds: options.kind }),
    ...(options.subject === undefined ? {} : { subject: options.subject }),
  });
  return events.reverse();
}
