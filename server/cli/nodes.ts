import type { Command } from 'commander';
import { parseHostname } from '../../protocol/names.ts';
import { type ListedNode, listNodes } from '../operations/overview.ts';
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
import { table } from './terminal.ts';

interface Options extends CommonOptions {
  readonly limit?: string;
  readonly after?: string;
}

const MOST = 10_000_000;

export function addNodes(program: Command, run: Run): void {
  program
    .command('nodes')
    .summary('the fleet: what each node was told, runs and reported')
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
  return withWorld('reader', options, async ({ context }) => {
    const pages = listNodes(context, { after, limit });
    if ('kind' in pages) return fail(options, pages);
    const nodes: ListedNode[] = [];
    for await (const some of pages) nodes.push(...some);
    const next = nodes.length === limit ? (nodes.at(-1)?.hostname ?? null) : null;
    return succeed(options, { nodes, next }, () => [
      nodes.length === 0
        ? 'No node has asked yet.'
        : table(['host', 'wave', 'told', 'runs', 'reported', 'polls', 'last seen'], nodes.map(rowOf)),
      ...(next === null ? [] : [`There may be more: --after ${next} shows them`]),
    ]);
  });
}

function rowOf(node: ListedNode): string[] {
  return [
    node.hostname,
    node.told?.wave ?? '',
    node.answer,
    node.running?.slice(7, 19) ?? '',
    node.lastReport?.outcome ?? '',
    String(node.polls),
    `${new Date(node.lastSeen).toISOString()}${node.silent ? ' silent' : ''}`,
  ];
}
