import type { Command } from 'commander';
import { refreshSignatureProblems } from '../operations/fetch.ts';
import { type Status, status } from '../operations/overview.ts';
import { refreshTagProblems } from '../operations/refresh-shelf.ts';
import { refreshCredentialProblems } from '../operations/tokens-problems.ts';
import { type CommonOptions, type ExitCode, fail, type Run, succeed, withWorld } from './command.ts';
import { ink, type Line, line } from './ink.ts';
import { type AllProblems, allProblems } from './server-problems.ts';
import { briefTags, table } from './table.ts';
import { plural, someOf } from './terminal.ts';

export function addStatus(program: Command, run: Run): void {
  program
    .command('status')
    .summary('what runs where, and what needs looking at')
    .action((_options: object, command: Command) => run(statusCommand(command.optsWithGlobals())));
}

function statusCommand(options: CommonOptions): Promise<ExitCode> {
  return withWorld('reader', options, async ({ context, settings }, ready) => {
    context.problems.set('control files', ready.controls.problems);
    refreshTagProblems(context);
    refreshCredentialProblems(context);
    await refreshSignatureProblems(context);
    const now = await status(context);
    if ('kind' in now) return fail(options, now);
    const all = await allProblems(context, settings.stateDir);
    const shown = { ...now, problems: all.problems };
    return succeed(options, shown, () => [...statusLines(shown), ...serverLine(all)]);
  });
}

/** Without the server, nothing is known of what it alone sees. */
function serverLine({ isServerHeard }: AllProblems): Line[] {
  return isServerHeard ? [] : [ink('(No server answers here: what only a running one notices is not shown.)', 'quiet')];
}

function nodesLine({ known, silent, silentCount }: Status['nodes']): string {
  const rest = silentCount === 0 ? '' : `, ${silentCount} silent: ${someOf(silent, 10, silentCount)}`;
  return `${plural(known, 'known node')}${rest}`;
}

function statusLines(now: Omit<Status, 'problems'> & Pick<AllProblems, 'problems'>): Line[] {
  const waves = now.waves.map((wave) => {
    const told = Object.entries(wave.told).map(([answer, count]) => `${count} × ${answer}`);
    return [wave.wave, wave.environment, `${wave.hours} h`, wave.answer, String(wave.nodes), told.join(', ')];
  });
  return [
    ...now.killswitch.flatMap(({ environment, message, told, silent, silentCount }) => [
      line`${ink('KILLSWITCH', 'bad')} ${environment ?? 'for everything'}: ${message === '' ? '(no message)' : message}`,
      `  told: ${told} of ${told + silentCount}${silentCount === 0 ? '' : `; not yet: ${someOf(silent, 10, silentCount)}`}`,
    ]),
    table(
      [
        'wave',
        { name: 'environment', drop: 2 },
        { name: 'lag', drop: 1, isNumber: true },
        { name: 'gets', brief: briefTags },
        { name: 'nodes', isNumber: true },
        { name: 'told last', least: 12, brief: briefTags },
      ],
      waves,
    ),
    `${plural(now.tags.count, 'tag')}${now.tags.newest === null ? '' : `, newest ${now.tags.newest}`}; trunk ${
      now.trunk === null ? 'was never fetched' : `${now.trunk.commit.slice(0, 12)}, fetched ${now.trunk.fetched}`
    }`,
    nodesLine(now.nodes),
    ...now.problems.flatMap((problem) => [
      line`${severityOf(problem)} since ${problem.since}: ${problem.sentence}`,
      `  → ${problem.hint}`,
    ]),
    ...(now.problems.length === 0 ? [ink('No problems.', 'good')] : []),
  ];
}

function severityOf({ severity }: Pick<Status['problems'][number], 'severity'>): Line {
  return ink(severity.toUpperCase(), severity === 'error' ? 'bad' : 'warn');
}
