import { type Hour, type ObjectId, startOf, tagNameOf } from '../../protocol/names.ts';
import type { Origin, TagRecord } from '../core/tag.ts';
import { oneLine } from '../core/wording.ts';
import type { Attempt } from '../ports/common.ts';
import { UnfitContent } from '../ports/content.ts';
import type { Actor, Context } from './context.ts';
import { knownNodes } from './known-nodes.ts';
import { prepareContent } from './prepare-content.ts';
import { isPruned } from './prune.ts';
import { refreshShelf } from './refresh-shelf.ts';

export interface TagOrder {
  readonly hour: Hour;
  readonly commit: ObjectId;
  readonly origin: Origin;
  readonly stale: boolean;
  /** Milliseconds since 1970; null for a commit that never was the tip while we looked. */
  readonly fetched: number | null;
  readonly reasons: readonly string[];
  readonly actor: Actor;
}

export interface Made {
  readonly outcome: 'created' | 'exists';
  readonly record: TagRecord;
}

/**
 * Decides the record first, then stores it with the tag in one step. The views are built before, so that a tag whose
 * content cannot be read is never made and the first node after the hour waits for nothing.
 */
export async function makeTag(context: Context, order: TagOrder): Promise<Attempt<Made>> {
  const name = tagNameOf(order.hour);
  const existing = context.shelf.current().byName.get(name);
  if (existing !== undefined) return { ok: true, value: { outcome: 'exists', record: existing } };
  if (isPruned(context.state, name))
    return {
      ok: false,
      sentence: `${name} existed and was pruned; a pruned name is never made again`,
      hint: 'make the tag of a later hour',
    };
  const began = context.clock.monotonic();
  const decided = await decideRecord(context, order);
  const outcome = decided.ok ? await store(context, decided.value.record) : decided;
  context.metrics.tagged(outcome.ok ? 'ok' : 'failed', context.clock.monotonic() - began);
  if (!decided.ok) return decided;
  if (!outcome.ok) return outcome;
  const { record, signer } = decided.value;
  const reasons = signer === null ? order.reasons : [...order.reasons, `signed by ${signer}`];
  if (outcome.value === 'created') announce(context, record, { ...order, reasons });
  await refreshShelf(context);
  const stored = context.shelf.current().byName.get(name) ?? record;
  if (outcome.value === 'created') void prepareContent(context, stored);
  return { ok: true, value: { outcome: outcome.value, record: stored } };
}

/** A disk that is full or read-only, or another process that keeps the repository: not now, but perhaps in a minute. */
async function store(context: Context, record: TagRecord): Promise<Attempt<Made['outcome']>> {
  try {
    return { ok: true, value: await context.repository.createTag(record) };
  } catch (error) {
    return {
      ok: false,
      sentence: `${record.name} cannot be stored: ${oneLine(error instanceof Error ? error.message : String(error))}`,
      hint: 'see that the state directory can be written and has room; the server tries again every minute',
    };
  }
}

interface Decided {
  readonly record: TagRecord;
  /** Who signed its commit; null where nobody asks. */
  readonly signer: string | null;
}

async function decideRecord(context: Context, order: TagOrder): Promise<Attempt<Decided>> {
  const { tags, trunk } = context.shelf.current();
  // What the views go by is read while the commit is looked up, where it is known already which tree that will be.
  if (trunk?.commit === order.commit) context.views.check(trunk.tree, []).catch(() => undefined);
  const commit = await context.repository.commit(order.commit);
  if (commit === undefined) return missing(order.commit);
  // Whatever chose the commit, and whatever was found out before: this is the one way to a tag.
  const signed = await context.repository.verify(commit.id, { afresh: true });
  if (!signed.ok) return signed;
  const sound = tags.findLast((record) => record.broken === null)?.tree;
  const previous = tags.findLast((record) => record.hour < order.hour);
  try {
    const [broken, commits] = await Promise.all([
      flawOf(context, commit.tree, sound),
      previous === undefined ? null : context.repository.commitsBetween(previous.commit, commit.id),
    ]);
    const record: TagRecord = {
      name: tagNameOf(order.hour),
      hour: order.hour,
      broken,
      commit: commit.id,
      tree: commit.tree,
      author: commit.author,
      subject: commit.subject,
      created: new Date(context.time.now()).toISOString(),
      fetched: order.fetched === null ? null : new Date(order.fetched).toISOString(),
      origin: order.origin,
      stale: order.stale,
      commits,
    };
    return { ok: true, value: { record, signer: signed.value } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      sentence: `no tag was made for ${new Date(startOf(order.hour)).toISOString()}: the content of ${commit.id.slice(0, 12)} cannot be read or stored (${why})`,
      hint: 'check the repository with "git fsck", and the disk that holds the state directory; it is tried again every minute',
    };
  }
}

/**
 * Why the tag is broken, or null. Making the views of all known nodes reads what is new, and finds what the tree alone does
 * not show: both are looked at side by side.
 */
async function flawOf(context: Context, tree: ObjectId, sound: ObjectId | undefined): Promise<string | null> {
  const [ofTree, ofViews] = await Promise.allSettled([
    context.repository.flawOf(tree, sound),
    checkViews(context, tree),
  ]);
  if (ofTree.status === 'rejected') throw ofTree.reason;
  if (ofTree.value !== null) return ofTree.value;
  if (ofViews.status === 'rejected') throw ofViews.reason;
  const { isLayered, flaw } = ofViews.value;
  return isLayered || flaw !== null ? flaw : flawOfWhole(context, tree);
}

async function checkViews(context: Context, tree: ObjectId): Promise<{ isLayered: boolean; flaw: string | null }> {
  return context.views.check(tree, await knownNodes(context), { everyFile: true });
}

/** What only shows in the content. */
async function flawOfWhole(context: Context, tree: ObjectId): Promise<string | null> {
  try {
    await context.views.ofTree(tree);
    return null;
  } catch (error) {
    if (error instanceof UnfitContent) return error.message;
    throw error;
  }
}

function missing(commit: string): Attempt<never> {
  return {
    ok: false,
    sentence: `there is no commit ${commit.slice(0, 40)} in the repository`,
    hint: 'name a commit of the configuration branch; "git log" in your checkout shows them',
  };
}

function announce(context: Context, record: TagRecord, order: TagOrder): void {
  context.metrics.tagMade(record);
  context.log.info('tag created', {
    tag: record.name,
    commit: record.commit,
    origin: record.origin,
    stale: record.stale,
    reasons: order.reasons,
  });
  context.journal.add({
    at: context.time.now(),
    kind: 'tag-created',
    ...order.actor,
    subject: record.name,
    before: null,
    after: record.commit,
    why: null,
    summary: `${record.name} is ${record.commit.slice(0, 12)} "${record.subject}"${record.broken === null ? '' : ', broken'}: ${order.reasons.join('; ')}`,
  });
}
