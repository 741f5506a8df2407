import { type Command, Option } from 'commander';
import { EVENT_KINDS, type EventKind } from '../core/event.ts';
import { parseInstant } from '../core/pin-tag.ts';
import type { EventQuery } from '../ports/store.ts';
import { type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, wholeNumber, withApp } from './command.ts';
import { eventLine, eventsOf, followEvents } from './events-follow.ts';
import { exportEvents, verifyEvents } from './events-verify.ts';

export function addEvents(program: Command, run: Run): void {
  program
    .command('events')
    .summary('what changed, when, and who did it')
    .description(
      'Lists what changed, follows it, checks that nothing of it was changed or taken away since, or hands all of it out.\n' +
        'Reads the history itself, with or without a running server.',
    )
    .option('--since <time>', 'e.g. 2026-11-20T14:00Z')
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(EVENT_KINDS))
    .option('--subject <name>', 'a file, tag, host name or problem')
    .option('--limit <count>', 'how many, the newest', '50')
    .option('--follow', 'go on and tell each event as it is recorded, until interrupted')
    .option('--verify', 'check the chain; exits 1 where an event was changed, taken away, put in or moved')
    .option('--expect <hash>', 'with --verify: the chain must hold this hash, which an earlier --verify told')
    .option('--export', 'all events, one JSON object a line with its hash, oldest first')
    .action((_options: object, command: Command) => run(eventsCommand(command.optsWithGlobals())));
}

interface EventOptions extends CommonOptions {
  readonly since?: string;
  readonly kind?: readonly EventKind[];
  readonly subject?: string;
  readonly limit: string;
  readonly follow?: boolean;
  readonly verify?: boolean;
  readonly expect?: string;
  readonly export?: boolean;
}

const MOST = 100_000;

async function eventsCommand(options: EventOptions): Promise<ExitCode> {
  const { follow, verify, expect } = options;
  const wrong = contradiction(options);
  if (wrong !== undefined) return misuse(options, ...wrong);
  if (verify === true) return withApp('reader', options, ({ context }) => verifyEvents(context, options, expect));
  if (options.export === true) return withApp('reader', options, ({ context }) => exportEvents(context, options));
  const query = queryOf(options);
  if ('wrong' in query) return misuse(options, query.wrong, query.hint);
  return withApp('reader', options, async ({ context }) => {
    if (follow === true) return followEvents(context, options, query);
    const found = await eventsOf(context, query);
    if (!found.ok) return fail(options, found);
    const events = found.value;
    return succeed(options, { events }, () => [
      ...events.map((event) => eventLine(event)),
      ...(events.length === 0 ? ['Nothing is recorded of that.'] : []),
    ]);
  });
}

/** The chain is one: of a part of it nothing could be said. */
function contradiction(options: EventOptions): readonly [sentence: string, hint: string] | undefined {
  const { since, kind, subject, follow, verify, expect, export: exports } = options;
  const modes = [follow, verify, exports].filter((mode) => mode === true).length;
  if (modes > 1) return ['--follow, --verify and --export are one at a time', 'run the command once for each'];
  const isWhole = verify === true || exports === true;
  if (isWhole && (since !== undefined || kind !== undefined || subject !== undefined))
    return ['--verify and --export take all events', 'leave --since, --kind and --subject away'];
  if (expect !== undefined && verify !== true) return ['--expect says what --verify is to find', 'add --verify'];
  if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect))
    return [`"${expect}" is no hash`, 'it has 64 hexadecimal digits; "events --verify" and the log tell it'];
  return undefined;
}

function queryOf({ since: sinceText, limit: limitText, kind, subject }: EventOptions) {
  const since = sinceText === undefined ? undefined : parseInstant(sinceText);
  const limit = wholeNumber(limitText, { min: 1, max: MOST });
  if (sinceText !== undefined && since === undefined)
    return { wrong: `"${sinceText}" is no time`, hint: 'write it like 2026-11-21T08:00Z' };
  if (limit === undefined)
    return { wrong: `"${limitText}" is no number of events`, hint: `e.g. --limit 50, at most ${MOST}` };
  const query: EventQuery = {
    limit,
    ...(since === undefined ? {} : { since }),
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(subject === undefined ? {} : { subject }),
  };
  return query;
}
