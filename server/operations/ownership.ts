import { type Digest, type Hostname, parseDigest } from '../../protocol/names.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Context } from './context.ts';

const DAY_MS = 24 * 3_600_000;
/** As many answers as a node gets in a day, and some more. */
const MOST_EVENTS = 200;

/** Whose view is asked for. */
export interface Asker {
  /** Undefined where that is not said. */
  readonly hostname: Hostname | undefined;
  /** Hosts show who they are here, and this one has: it gets nothing but its own. */
  readonly isProven: boolean;
}

/**
 * Whether a view may be given out by its digest: to a node that was told it within a day. Where nodes need not show who they
 * are, that of a whole tree to everybody. What a host claims to run does not count: it may have that from another one's report.
 */
export async function mayHave(context: Context, { hostname, isProven }: Asker, digest: Digest): Promise<boolean> {
  if (!isProven && (await context.views.isCommon(digest))) return true;
  if (hostname === undefined) return false;
  const told = context.fleet.told(hostname);
  if (told?.outcome === 'serve' && told.digest === digest) return true;
  const since = context.time.now() - DAY_MS;
  const handedAt = context.fleet.handedAt(hostname, digest);
  if (handedAt !== undefined) return handedAt >= since;
  return wasTold(context, { hostname, digest, since });
}

/** What a delta may lead from: a node's own view only, as what is left out tells what was there. Otherwise the whole is given out. */
export async function ownBase(context: Context, asker: Asker, from: Digest | undefined): Promise<Digest | undefined> {
  return from !== undefined && (await mayHave(context, asker, from)) ? from : undefined;
}

/** By what is recorded: this process may have begun since. */
async function wasTold(
  { store }: Context,
  { hostname, digest, since }: { hostname: Hostname; digest: Digest; since: number },
): Promise<boolean> {
  const query = { kinds: ['assignment'], subject: hostname, since, limit: MOST_EVENTS } as const;
  const events = await store.events(query).catch((): StoredEvent[] => []);
  return events.some(({ before, after }) => [before, after].some((text) => digestIn(text) === digest));
}

/** Of `serve TAG DIGEST …`. */
function digestIn(text: string | null): Digest | undefined {
  const [outcome, , digest = ''] = text?.split(' ') ?? [];
  return outcome === 'serve' ? parseDigest(digest) : undefined;
}
