import type { Command } from 'commander';
import { parseHostname } from '../../protocol/names.ts';
import { parseTokenId } from '../core/token.ts';
import { judgeEnrolment, type Waiting, waitingHosts } from '../operations/enrolments.ts';
import { actor, type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withApp } from './command.ts';
import { table } from './table.ts';

interface Options extends CommonOptions {
  readonly reason?: string;
}

export function addEnrolments(program: Command, run: Run): void {
  program
    .command('enrolments')
    .summary('the hosts that wait to be let in (auth.joining: approve)')
    .action((_options: object, command: Command) => run(listCommand(command.optsWithGlobals())));
  program
    .command('approve')
    .summary('let in a host that waits')
    .description('Others that wait under the same name are turned down, and its earlier tokens are revoked.')
    .argument('<host>', 'host name, or the id of the token that it asked with')
    .option('--reason <text>', 'why; it is kept in the history')
    .action((named: string, _options: object, command: Command) =>
      run(judgeCommand(named, true, command.optsWithGlobals())),
    );
  program
    .command('deny')
    .summary('turn down a host that waits')
    .argument('<host>', 'host name, for all that wait under it, or the id of the token that one asked with')
    .option('--reason <text>', 'why; it is kept in the history')
    .action((named: string, _options: object, command: Command) =>
      run(judgeCommand(named, false, command.optsWithGlobals())),
    );
}

function listCommand(options: CommonOptions): Promise<ExitCode> {
  return withApp('reader', options, async ({ context }) => {
    const trouble = context.credentials.trouble();
    if (trouble !== null) return fail(options, { sentence: trouble, hint: 'nothing can be listed until then' });
    const enrolments = waitingHosts(context);
    return succeed(options, { enrolments }, () => [
      enrolments.length === 0
        ? 'No host waits to be let in.'
        : table(['id', 'host', 'asks from', 'since', 'until', ''], enrolments.map(rowOf)),
    ]);
  });
}

function rowOf({ id, hostname, from, askedAt, until, replaces }: Waiting): string[] {
  const remark = replaces ? 'this name has a token already, which would be revoked' : '';
  return [id, hostname, from ?? '', minute(askedAt), until === null ? '' : minute(until), remark];
}

function minute(instant: string): string {
  return `${instant.slice(0, 16)}Z`;
}

async function judgeCommand(named: string, isApproved: boolean, options: Options): Promise<ExitCode> {
  const id = parseTokenId(named);
  const hostname = parseHostname(named);
  if (id === undefined && hostname === undefined)
    return misuse(options, `"${named}" is neither a host name nor an id`, '"tagwave-server enrolments" shows both');
  // As root calls it, which then goes on as the owner of the state directory.
  const who = actor();
  return withApp('editor', options, async ({ context, settings }) => {
    const meant = waitingHosts(context).filter((one) => one.id === id || one.hostname === hostname);
    if (meant.length === 0)
      return fail(options, {
        sentence: context.credentials.trouble() ?? `no host waits to be let in as ${named}`,
        hint: '"tagwave-server enrolments" shows those that wait',
      });
    if (isApproved && meant.length > 1)
      return fail(options, {
        sentence: `${meant.length} wait as ${named}: ${meant.map((one) => `${one.id} from ${one.from}`).join(', ')}`,
        hint: 'find out which of them it is, and approve that by its id; the others are turned down then',
      });
    const lines: string[] = [];
    for (const one of meant) {
      const order = { id: one.id, isApproved, mostNames: settings.fleet.mostNodes, reason: options.reason };
      const judged = await judgeEnrolment(context, { ...order, actor: who });
      if (!judged.ok) return fail(options, judged);
      const { value } = judged;
      if (value.kind === 'refused')
        return fail(options, { sentence: value.why, hint: 'raise fleet.most_nodes, or forget hosts that are gone' });
      const dropped = value.kind === 'done' ? value.dropped.map((other) => other.id) : [];
      lines.push(lineFor(one, isApproved, dropped));
    }
    return succeed(options, { ok: true, approved: isApproved, ids: meant.map((one) => one.id) }, () => lines);
  });
}

function lineFor({ hostname, from, id }: Waiting, isApproved: boolean, dropped: readonly string[]): string {
  const who = `${hostname}, which asked from ${from ?? 'here'} (${id}),`;
  if (!isApproved) return `${who} is turned down.`;
  return `${who} is let in.${dropped.length === 0 ? '' : ` No more: ${dropped.join(', ')}.`}`;
}
