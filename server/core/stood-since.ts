import type { StoredEvent } from './event.ts';
import { lookFromText } from './killswitch.ts';

/** How a killswitch came to stand as it does. */
export interface StoodSince {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly by: string;
  /** When it began to say what it says now: who was told it asked after that. */
  readonly wordsSince: number;
}

/** So the record names a user where it knows no more than whose file was found. */
const OWNER = 'file owner ';

/**
 * Since when a killswitch has stood without a break, by the events of `killswitch`, newest first; undefined where they do not
 * say. `environment` null = the global one.
 */
export function stoodSince(events: readonly StoredEvent[], environment: string | null): StoodSince | undefined {
  const standing = events.findIndex(({ after }) => textOf(after, environment) === undefined);
  const run = standing === -1 ? events : events.slice(0, standing);
  const first = run.at(-1);
  if (first === undefined) return undefined;
  const textAt = (event: StoredEvent) => textOf(event.after, environment);
  const others = run.findIndex((event) => textAt(event) !== textAt(run[0] ?? first));
  const words = (others === -1 ? first : run[others - 1]) ?? first;
  // Somebody may have said shortly after that what was found was their doing.
  const claimed = run.findLast((event) => event.after === first.after && !event.by.startsWith(OWNER));
  return { since: first.at, by: (claimed ?? first).by, wordsSince: words.at };
}

/** What it said; undefined where it did not stand. */
function textOf(recorded: string | null, environment: string | null): string | undefined {
  if (recorded === null) return undefined;
  const look = lookFromText(recorded);
  return (environment === null ? look.global : look.environments.get(environment)) ?? undefined;
}
