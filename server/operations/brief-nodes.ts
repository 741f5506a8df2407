import type { BriefNode } from '../../protocol/api/nodes.ts';
import type { Report } from '../../protocol/assignment.ts';
import type { Digest, Hostname, TagName } from '../../protocol/names.ts';
import { pinOf } from '../core/pins.ts';
import { runningTag } from '../core/running-tag.ts';
import type { World } from '../core/world.ts';
import type { NodeRow, PastNode } from '../ports/store.ts';
import type { Context } from './context.ts';
import { dueIn } from './due.ts';
import { knownSince, toldAnswer } from './overview.ts';
import { type NotReady, type Ready, worldNow } from './world.ts';
import { worldAt } from './world-at.ts';

/** Which nodes: those that all of it applies to. */
export interface BriefFilter {
  readonly environment?: string | undefined;
  readonly wave?: string | undefined;
  /** Of the last report; null = none came. */
  readonly outcomes?: readonly (Report['outcome'] | null)[] | undefined;
  /** A part of the host name; with `*`, all of it. */
  readonly name?: string | undefined;
  readonly behind?: boolean | undefined;
  readonly silent?: boolean | undefined;
  readonly drifted?: boolean | undefined;
  readonly pinned?: boolean | undefined;
}

export interface BriefQuery extends BriefFilter {
  /** An instant in the past, in milliseconds since 1970; undefined = now. */
  readonly at?: number | undefined;
  readonly after?: Hostname | undefined;
  readonly limit?: number | undefined;
}

/** The nodes in a line each, by host name, a page at a time; a page may be empty. Rejects where the past is asked for and the history cannot be read. */
export function briefNodes(context: Context, query: BriefQuery): AsyncGenerator<readonly BriefNode[]> | NotReady {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const pages = query.at === undefined ? presentNodes(context, ready, query) : pastNodes(context, query.at, query);
  return matching(pages, query);
}

/** The store looks at as much as it can; what it leaves is decided here, where all is known. */
async function* matching(
  pages: AsyncIterable<readonly BriefNode[]>,
  query: BriefQuery,
): AsyncGenerator<readonly BriefNode[]> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for await (const page of pages) {
    const wanted = page.filter((node) => matches(node, query)).slice(0, left);
    yield wanted;
    left -= wanted.length;
    if (left === 0) return;
  }
}

const FLAGS = ['behind', 'silent', 'drifted', 'pinned'] as const;

function matches(node: BriefNode, filter: BriefFilter): boolean {
  const { environment, wave, outcomes, name } = filter;
  if (environment !== undefined && node.environment !== environment) return false;
  if (wave !== undefined && node.wave !== wave) return false;
  if (outcomes !== undefined && !outcomes.includes(node.outcome)) return false;
  if (name !== undefined && !isNamed(node.hostname, name)) return false;
  return FLAGS.every((flag) => filter[flag] === undefined || node[flag] === filter[flag]);
}

function isNamed(hostname: string, name: string): boolean {
  if (!name.includes('*')) return hostname.includes(name);
  const [first = '', ...rest] = name.split('*');
  const last = rest.pop() ?? '';
  if (!hostname.startsWith(first) || !hostname.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const found = hostname.indexOf(part, from);
    if (found === -1) return false;
    from = found + part.length;
  }
  return from + last.length <= hostname.length;
}

async function* presentNodes(
  context: Context,
  { world, controls }: Ready & { readonly kind: 'ready' },
  query: BriefQuery,
): AsyncGenerator<readonly BriefNode[]> {
  const { environment, wave, outcomes, name, silent, drifted, behind, after } = query;
  const silentSince = world.now - controls.settings.fleet.silentAfterMinutes * 60_000;
  const known = knownSince({ kind: 'ready', world, controls });
  const filter = {
    environment,
    wave,
    outcomes,
    name,
    ...(silent === true ? { seenBefore: silentSince } : {}),
    ...(drifted === true ? { drifted } : {}),
    ...(behind === true ? { unlikeTold: true as const } : {}),
  };
  const seenSince = silent === false ? Math.max(known, silentSince) : known;
  const brief = await briefIn(context, world, silentSince);
  for await (const rows of context.fleet.pages({ seenSince, after, filter })) yield await brief(rows);
}

/** Puts nodes as they stand now into a line each. */
export async function briefIn(
  context: Context,
  world: World,
  silentSince: number,
): Promise<(rows: readonly NodeRow[]) => Promise<BriefNode[]>> {
  const due = dueIn(context, world);
  const tagOf = tagsKnown(context);
  return async (rows) => {
    const said = rows.map((row) => ({ row, running: runsNow(row) }));
    await tagOf.learn(said.flatMap(({ running }) => running ?? []));
    return said.map(({ row, running }): BriefNode => {
      const { answer, pinned } = due(row);
      return {
        ...whatIsSaid(row, running, tagOf.tag),
        due: answer,
        lastSeen: time(row.lastSeen),
        silent: row.lastSeen < silentSince,
        pinned,
      };
    });
  };
}

async function* pastNodes(
  context: Context,
  at: number,
  { after, name }: BriefQuery,
): AsyncGenerator<readonly BriefNode[]> {
  await context.fleet.flush();
  const world = await worldAt(context, at);
  const tagOf = tagsKnown(context);
  for (let last = after; ; ) {
    const page: PastNode[] = await context.store.nodesAt({ at, after: last ?? null, limit: ROWS_AT_ONCE, name });
    await tagOf.learn(page.flatMap(({ running, lastReport }) => running ?? lastReport?.digest ?? []));
    yield page.map((node) => pastNode(node, world, tagOf.tag));
    const end = page.at(-1);
    if (end === undefined || page.length < ROWS_AT_ONCE) return;
    last = end.hostname;
  }
}

const ROWS_AT_ONCE = 500;

type TagOf = (digest: Digest) => TagName | 'trunk' | undefined;

/** Polls that were answered as before leave no trace: that somebody was silent then cannot be told. */
function pastNode(node: PastNode, world: World | undefined, tagOf: TagOf): BriefNode {
  const { hostname, firstSeen, toldAt, lastReport } = node;
  const isPinned = world !== undefined && pinOf(world, hostname) !== undefined;
  return {
    ...whatIsSaid(node, node.running, tagOf),
    due: toldAnswer(node),
    lastSeen: time(Math.max(firstSeen, toldAt ?? 0, lastReport?.receivedAt ?? 0)),
    silent: false,
    pinned: isPinned,
  };
}

function whatIsSaid(
  { hostname, told, lastReport }: Pick<NodeRow, 'hostname' | 'told' | 'lastReport'>,
  running: Digest | null,
  tagOf: TagOf,
) {
  return {
    hostname,
    environment: told?.environment ?? '',
    wave: told?.wave ?? '',
    told: toldAnswer({ told }),
    running: runningTag({ running, told, reported: lastReport }, tagOf),
    behind: isBehind({ told, running, lastReport }),
    outcome: lastReport?.outcome ?? null,
    drifted: (lastReport?.drifted?.count ?? 0) > 0,
  };
}

/** What was reported after the last poll is newer than what that poll said. */
export function runsNow({ running, lastSeen, lastReport }: NodeRow): Digest | null {
  const isNewer = lastReport !== null && hasRun(lastReport) && lastReport.receivedAt >= lastSeen;
  return isNewer ? lastReport.digest : running;
}

/** A host that never says what it runs is behind where it reports that what it was told did not come to be. */
function isBehind({ told, running, lastReport }: Pick<NodeRow, 'told' | 'running' | 'lastReport'>): boolean {
  if (told === null || told.digest === null) return false;
  if (running !== null) return running !== told.digest;
  if (lastReport === null) return false;
  return !hasRun(lastReport) || lastReport.digest !== told.digest;
}

function hasRun({ outcome, digest }: Report): boolean {
  return digest !== null && (outcome === 'applied' || outcome === 'unchanged');
}

/** Tags by what is in them, asked for once each. */
function tagsKnown({ store }: Context) {
  const known = new Map<Digest, TagName | 'trunk' | undefined>();
  return {
    tag: (digest: Digest) => known.get(digest),
    async learn(digests: readonly Digest[]): Promise<void> {
      const unknown = [...new Set(digests)].filter((digest) => !known.has(digest));
      if (unknown.length === 0) return;
      const found = await store.tagsOf(unknown).catch(() => []);
      for (const digest of unknown) known.set(digest, undefined);
      for (const { digest, tag } of found) known.set(digest, tag);
    },
  };
}

function time(at: number): string {
  return new Date(at).toISOString();
}
