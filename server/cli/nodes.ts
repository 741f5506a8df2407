import type { Command } from 'commander';
import { listNodes } from '../operations/overview.ts';
import { type CommonOptions, type ExitCode, fail, type Run, succeed, withWorld } from './command.ts';
import { table } from './terminal.ts';

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
