import { type Command, Option } from 'commander';
import type { BriefNode } from '../../protocol/api/nodes.ts';
import { REPORT_OUTCOMES } from '../../protocol/assignment.ts';
import { parseHostname } from '../../protocol/names.ts';
import { parseInstant } from '../core/pin-tag.ts';
import { type BriefFilter, type BriefQuery, briefNodes } from '../operations/brief-nodes.ts';
import type { Context } from '../operations/context.ts';
import type { NotReady } from '../operations/world.ts';
import {
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import { type Line, line } from './ink.ts';
import { briefTags, type Cell, type Column, table } from './table.ts';
import { plural } from './terminal.ts';

interface Options extends CommonOptions {
  readonly wave?: string;
  readonly environment?: string;
  readonly outcome?: readonly (typeof OUTCOMES)[number][];
  readonly behind?: true;
  readonly silent?: true;
  readonly drifted?: true;
  readonly pinned?: true;
  readonly search?: string;
  readonly at?: string;
  readonly limit?: string;
  readonly after?: string;
}

const MOST = 10_000_000;
const OUTCOMES = [...REPORT_OUTCOMES, 'none'] as const;

export function addNodes(program: Command, run: Run): void {
  program
    .command('nodes')
    .summary('the fleet: what each node was told, is due and runs')
    .description('Lists the nodes by host name. Of several filters all apply.')
    .option('--wave <wave>', 'only those of this wave')
    .option('--environment <name>', 'only those of this environment')
    .addOption(new Option('--outcome <outcome...>', 'only those whose last report says so').choices(OUTCOMES))
    .option('--behind', 'only those that run something else than they were told')
    .option('--silent', 'only those that have not asked for long (fleet.silent_after_minutes)')
    .option('--drifted', 'only those whose files were not as they should be, by their last report')
    .option('--pinned', 'only those with a pin')
    .option('--search <name>', 'only those with this in their host name; with * it is all of the name')
    .option('--at <time>', 'as they were told then, e.g. 2026-11-20T14:00Z')
    .option('--limit <count>', 'how many (default: all)')
    .option('--after <host>', 'those after this one, by name')
    .action((_options: object, command: Command) => run(nodesCommand(command.optsWithGlobals())));
}

async function nodesCommand(options: Options): Promise<ExitCode> {
  const limit = options.limit === undefined ? undefined : wholeNumber(options.limit, { min: 1, max: MOST });
  if (options.limit !== undefined && limit === undefined)
    return misuse(options, `"${options.limit}" is no number of nodes`, 'e.g. --limit 100');
  const after = options.after === undefined ? undefined : parseHostname(options.after);
  if (options.after !== undefined && after === undefined)
    return misuse(options, `"${options.after}" is no host name`, 'name the last host that was shown');
  const at = options.at === undefined ? undefined : parseInstant(options.at);
  if (options.at !== undefined && at === undefined)
    return misuse(options, `"${options.at}" is no time`, 'write it like 2026-11-21T08:00Z');
  const filter = filterOf(options);
  return withWorld('reader', options, async ({ context }, { world, controls }) => {
    const unknown = unknownName(options, world.schedule.waves);
    if (unknown !== undefined && at === undefined) return fail(options, unknown);
    if (at !== undefined && at > world.now)
      return fail(options, { sentence: 'that lies ahead', hint: 'tagwave-server forecast tells what comes' });
    const found = await allOf(context, { ...filter, at, after, limit });
    if ('kind' in found) return fail(options, found);
    const { nodes } = found;
    const next = nodes.length === limit ? (nodes.at(-1)?.hostname ?? null) : null;
    const now = at ?? world.now;
    const isFiltered = Object.values({ ...filter, after }).some((value) => value !== undefined);
    return succeed(options, { nodes, next }, () => [
      ...(nodes.length === 0
        ? [
            isFiltered
              ? 'No known node fits.'
              : at === undefined
                ? 'No node has asked yet.'
                : 'No node had asked by then.',
          ]
        : [tableOf(nodes, now), ...countLine(nodes, controls.settings.fleet.silentAfterMinutes)]),
      ...(next === null ? [] : [`There may be more: --after ${next} shows them`]),
    ]);
  });
}

function filterOf(options: Options): BriefFilter {
  const { wave, environment, outcome, behind, silent, drifted, pinned, search } = options;
  return {
    wave,
    environment,
    outcomes: outcome?.map((one) => (one === 'none' ? null : one)),
    behind,
    silent,
    drifted,
    pinned,
    name: search?.toLowerCase(),
  };
}

/** A mistyped wave has no nodes, and so no trouble. */
function unknownName(
  { wave, environment }: Options,
  waves: readonly { readonly name: string; readonly environment: string }[],
): { sentence: string; hint: string } | undefined {
  const known = (names: readonly string[]) => `there are ${[...new Set(names)].join(', ')}`;
  const [names, environments] = [waves.map(({ name }) => name), waves.map((one) => one.environment)];
  if (wave !== undefined && !names.includes(wave))
    return { sentence: `the schedule has no wave "${wave}"`, hint: known(names) };
  if (environment !== undefined && !environments.includes(environment))
    return { sentence: `the schedule has no environment "${environment}"`, hint: known(environments) };
  return undefined;
}

async function allOf(context: Context, query: BriefQuery): Promise<{ nodes: BriefNode[] } | NotReady> {
  const pages = briefNodes(context, query);
  if ('kind' in pages) return pages;
  const nodes: BriefNode[] = [];
  for await (const page of pages) nodes.push(...page);
  return { nodes };
}

const COLUMNS: readonly Exclude<Column, string>[] = [
  { name: 'host', least: 24 },
  { name: 'wave', least: 8, drop: 3 },
  { name: 'runs', brief: briefTags },
  { name: 'told', brief: briefTags },
  { name: 'due', drop: 1, brief: briefTags },
  { name: 'seen', drop: 2, isNumber: true },
  { name: 'remarks', least: 20 },
];

function tableOf(nodes: readonly BriefNode[], now: number): Line {
  return table(
    COLUMNS.filter(({ name }) => columnCounts(name, nodes)),
    nodes.map((node) => rowOf(node, now).flatMap(([name, cell]) => (columnCounts(name, nodes) ? [cell] : []))),
  );
}

/** What is the same as the column before it, for every node, tells nothing. */
function columnCounts(name: string, nodes: readonly BriefNode[]): boolean {
  if (name === 'told') return nodes.some(({ told, running }) => told !== running);
  if (name === 'due') return nodes.some(({ due, told }) => due !== told);
  if (name === 'remarks') return nodes.some((node) => remarksOf(node).length > 0);
  return true;
}

function rowOf(node: BriefNode, now: number): (readonly [name: string, cell: Cell])[] {
  const { hostname, wave, running, told, due, lastSeen, silent } = node;
  const remarks = remarksOf(node);
  const isBad = remarks.some((remark) => FAILURES.has(remark));
  const age = ageOf(now - Date.parse(lastSeen));
  return [
    ['host', hostname],
    ['wave', wave],
    ['runs', running === 'unknown' ? ['unknown', 'quiet'] : running],
    ['told', told === running ? ['=', 'quiet'] : [told, told.startsWith('etch') ? 'note' : 'warn']],
    ['due', due === told ? ['=', 'quiet'] : [due, 'note']],
    ['seen', silent ? [age, 'warn'] : age],
    ['remarks', [remarks.join(', '), isBad ? 'bad' : 'warn']],
  ];
}

const FAILURES: ReadonlySet<string> = new Set(['failed', 'rolled-back', 'refused']);

function remarksOf({ outcome, behind, silent, drifted, pinned }: BriefNode): string[] {
  return [
    outcome === null || outcome === 'applied' || outcome === 'unchanged' ? '' : outcome,
    behind ? 'behind' : '',
    silent ? 'silent' : '',
    drifted ? 'drifted' : '',
    pinned ? 'pinned' : '',
  ].filter((remark) => remark !== '');
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

/** `5s`, `12m`, `3h`, `9d`. */
function ageOf(milliseconds: number): string {
  const [unit, length] = UNITS.find(([, one]) => milliseconds >= one) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(milliseconds / length))}${unit}`;
}

function countLine(nodes: readonly BriefNode[], silentAfterMinutes: number): Line[] {
  const silent = nodes.filter((node) => node.silent).length;
  const rest = silent === 0 ? '' : `, ${silent} silent for more than ${silentAfterMinutes} minutes`;
  return [line`${plural(nodes.length, 'node')}${rest}`];
}
