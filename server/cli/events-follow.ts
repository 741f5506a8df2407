import { setTimeout as delay } from 'node:timers/promises';
import type { EventKind, StoredEvent } from '../core/event.ts';
import { plainJson } from '../core/plain-json.ts';
import type { Context } from '../operations/context.ts';
import type { Attempt } from '../ports/common.ts';
import type { EventQuery } from '../ports/store.ts';
import { type CommonOptions, type ExitCode, fail } from './command.ts';
import { ink, type Line, type Style } from './ink.ts';
import { stopSignal } from './signals.ts';
import { wrapped } from './table.ts';
import { printable, terminal, terminalWidth } from './terminal.ts';

const LOOK_MS = 500;
const AT_ONCE = 500;

/** Tells the newest events, and then each one as it is recorded, whoever records it, until it is interrupted. */
export async function followEvents(context: Context, options: CommonOptions, query: EventQuery): Promise<ExitCode> {
  const over = new AbortController();
  void stopSignal().then(() => over.abort());
  const { signal } = over;
  let found = await eventsOf(context, query);
  let last = 0;
  while (found.ok) {
    for (const event of found.value) terminal.out(options.json ? plainJson(event) : eventLine(event));
    last = Math.max(last, ...found.value.map(({ id }) => id));
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 0;
    found = await eventsOf(context, { ...query, afterId: last, order: 'oldest', limit: AT_ONCE });
  }
  return fail(options, found);
}

/** Oldest first, as a log is read. */
export async function eventsOf({ store }: Context, query: EventQuery): Promise<Attempt<StoredEvent[]>> {
  try {
    const events = await store.events(query);
    return { ok: true, value: query.order === 'oldest' ? events : events.reverse() };
  } catch (error) {
    return unreadable(error);
  }
}

export function unreadable(error: unknown): Extract<Attempt<never>, { ok: false }> {
  const sentence = `no events can be read: ${error instanceof Error ? error.message : error}`;
  const hint = 'the server records them once it has started; see that you may read its history';
  return { ok: false, sentence, hint };
}

/** When, who, from where, what and why; what is too long for the terminal goes on below. */
export function eventLine({ at, kind, by, from, summary, why }: StoredEvent, width = terminalWidth()): Line {
  const who = from === null ? by : `${by} (${from})`;
  const because = why === null ? '' : ` ("${why}")`;
  const time = `${timeOf(at)}  `;
  const lines = wrapped(printable(`${who}: ${summary}${because}`), Math.max(LEAST_WIDTH, width - time.length));
  const [first = '', ...rest] = lines.map((text) => ink(text, STYLES[kind]).ink);
  return {
    ink: [`${ink(time, 'quiet').ink}${first}`, ...rest.map((text) => ' '.repeat(time.length) + text)].join('\n'),
  };
}

const LEAST_WIDTH = 40;

/** What stops something, what lets it go on, and what needs looking at. */
const STYLES: Partial<Record<EventKind, Style>> = {
  kill: 'bad',
  resume: 'good',
  mark: 'strong',
  pin: 'strong',
  refusal: 'warn',
  'problem-raised': 'warn',
  'problem-cleared': 'good',
};

/** Also of an event that somebody has tampered with. */
export function timeOf(at: number): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? `at ${at}` : time.toISOString();
}
