import { type ChainLook, exportLine } from '../core/chain.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Context } from '../operations/context.ts';
import { type CommonOptions, type ExitCode, fail, failWith, succeed } from './command.ts';
import { timeOf, unreadable } from './events-follow.ts';
import { plural, terminal } from './terminal.ts';

/** Goes through the whole chain. What it ends with is told, so that it can be kept where nobody reaches it who reaches this. */
export async function verifyEvents(
  { store }: Context,
  options: CommonOptions,
  expected: string | undefined,
): Promise<ExitCode> {
  let look: ChainLook;
  try {
    look = await store.lookAtChain(expected);
  } catch (error) {
    return fail(options, unreadable(error));
  }
  const { flaws, flawCount, ...seen } = look;
  if (flawCount > 0) {
    const more = flawCount > flaws.length ? [`and ${flawCount - flaws.length} more`] : [];
    const hint =
      'keep a copy of the state directory as it is; compare it with an export, a backup and what the log says of the chain';
    return failWith(options, { sentences: ['the events are not as they were recorded', ...flaws, ...more], hint });
  }
  return succeed(options, { ok: true, ...seen }, () => linesOf(look));
}

function linesOf({ chained, apart, first, head, droppedUpTo }: ChainLook): string[] {
  if (first === null || head === null) return ['No event is recorded yet that is chained.'];
  const since = droppedUpTo === null ? '' : ` Those up to event ${droppedUpTo} were dropped as too old.`;
  return [
    `${plural(chained, 'event')} from ${timeOf(first.at)} (${first.id}) to ${timeOf(head.at)} (${head.id}), all as they were recorded.${since}`,
    `${plural(apart, 'event')} of kinds that are not chained (assignment, report, fetch) could not be checked.`,
    `The chain ends with ${head.hash}`,
    'Keep that elsewhere: "events --verify --expect HASH" then finds out also who has made everything anew.',
  ];
}

const AT_ONCE = 1_000;

/** Everything, as lines that can be checked without this program. */
export async function exportEvents({ store }: Context, options: CommonOptions): Promise<ExitCode> {
  let last = 0;
  let events: StoredEvent[];
  do {
    try {
      events = await store.events({ afterId: last, order: 'oldest', limit: AT_ONCE });
    } catch (error) {
      return fail(options, unreadable(error));
    }
    if (events.length > 0) await terminal.written(events.map((event) => `${exportLine(event)}\n`).join(''));
    last = events.at(-1)?.id ?? last;
  } while (events.length === AT_ONCE);
  return 0;
}
