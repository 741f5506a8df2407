import { type Command, Option } from 'commander';
import { parseInstant } from '../core/pin-tag.ts';
import type { Context } from '../operations/context.ts';
import { type Attempt, EVENT_KINDS, type EventKind, type EventQuery, type StoredEvent } from '../ports.ts';
import { type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, wholeNumber, withApp } from './command.ts';
import { printable } from './terminal.ts';

export function addEvents(program: Command, run: Run): void {
  program
    .command('events')
    .summary('what changed, when, and who did it')
    .option('--since <time>', 'e.g. 2026-11-20T14:00Z')
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(EVENT_KINDS))
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

const MOST = 100_000;

async function eventsCommand(options: EventOptions): Promise<ExitCode> {
  const since = options.since === undefined ? undefined : parseInstant(options.since);
  const limit = wholeNumber(options.limit, { min: 1, max: MOST });
  if (options.since !== undefined && since === undefined)
    return misuse(options, `"${options.since}" is no time`, 'write it like 2026-11-21T08:00Z');
  if (limit === undefined)
    return misuse(options, `"${options.limit}" is no number of events`, `e.g. --limit 50, at most ${MOST}`);
  const query: EventQuery = {
    limit,
    ...(since === undefined ? {} : { since }),
    ...(options.kind === undefined ? {} : { kinds: options.kind }),
    ...(options.subject === undefined ? {} : { subject: options.subject }),
  };
  return withApp('reader', options, async ({ context }) => {
    const found = await eventsOf(context, query);
    if (!found.ok) return fail(options, found);
    const events = found.value;
    return succeed(options, { events }, () => [
      ...events.map(
        ({ at, by, from, summary }) =>
          `${new Date(at).toISOString()}  ${printable(`${from === null ? by : `${by} (${from})`}: ${summary}`)}`,
      ),
      ...(events.length === 0 ? ['Nothing is recorded of that.'] : []),
    ]);
  });
}

/** Oldest first, as a log is read. */
async function eventsOf({ store }: Context, query: EventQuery): Promise<Attempt<StoredEvent[]>> {
  try {
    return { ok: true, value: (await store.events(query)).reverse() };
  } catch (error) {
    const sentence = `no events can be read: ${error instanceof Error ? error.message : error}`;
    return {
      ok: false,
      sentence,
      hint: 'the server records them once it has started; see that you may read its history',
    };
  }
}
