import { createHash } from 'node:crypto';
import type { EventKind, NewEvent, StoredEvent } from './event.ts';

/**
 * Each event that matters carries a hash over the one before it and over itself, so that none can be changed, taken away or
 * put in without all that follow being made anew. What comes from every host, or follows from what is in the chain, stays
 * outside: it would be most of it.
 */
const APART: ReadonlySet<EventKind> = new Set(['assignment', 'report', 'failure-spike', 'wave-arrived', 'fetch']);

export function isChained({ kind }: { readonly kind: EventKind }): boolean {
  return !APART.has(kind);
}

/** What stands for the hash before the first event that there ever was. */
export const NO_HASH = '0'.repeat(64);

/** An event of the chain: its id, and what stands for everything up to it. */
export interface Link {
  readonly id: number;
  /** 64 lower-case hex digits. */
  readonly hash: string;
}

type Unhashed = NewEvent & { readonly id: number };

/** What is hashed: the event as JSON, in this order and without spaces. Null where there is none. */
export function canonicalJson({ id, at, kind, by, from, subject, before, after, why, summary }: Unhashed): string {
  return JSON.stringify({ id, at, kind, by, from, subject, before, after, why, summary });
}

/** SHA-256 over the 64 hex digits of the hash before, and the event's canonical JSON in UTF-8. */
export function hashAfter(previous: string, event: Unhashed): string {
  return createHash('sha256').update(previous).update(canonicalJson(event)).digest('hex');
}

/** One line of an export: the canonical JSON with the hash as one key more, at its end. */
export function exportLine(event: StoredEvent): string {
  return `${canonicalJson(event).slice(0, -1)},"hash":${JSON.stringify(event.hash)}}`;
}

/** Text as it comes back from UTF-8: half a character would be another one when it is read again. */
export function wellFormed<Text extends string | null>(text: Text): Text {
  return (text === null ? null : Buffer.from(text).toString()) as Text;
}

/** Up to where events were dropped because of their age: what a `prune` event keeps as its `before`. */
export interface Dropped extends Link {
  /** How many events of the chain. */
  readonly events: number;
}

export function droppedText({ id, hash, events }: Dropped): string {
  return JSON.stringify({ id, hash, events });
}

/** Undefined for what is no such text. */
export function readDropped(text: string | null): Dropped | undefined {
  const [, id, hash, events] =
    /^\{"id":(\d{1,16}),"hash":"([0-9a-f]{64})","events":(\d{1,16})\}$/.exec(text ?? '') ?? [];
  return hash === undefined ? undefined : { id: Number(id), hash, events: Number(events) };
}

/** What going through all events showed. */
export interface ChainLook {
  readonly chained: number;
  /** Of kinds that are not chained. */
  readonly apart: number;
  readonly first: { readonly id: number; readonly at: number } | null;
  readonly head: (Link & { readonly at: number }) | null;
  /** Up to where events were dropped because of their age. */
  readonly droppedUpTo: number | null;
  /** The first few things that are not as they were recorded, as sentences. None: the chain is whole. */
  readonly flaws: readonly string[];
  readonly flawCount: number;
}

export interface ChainSought {
  /** By the newest `prune` event. */
  readonly dropped: Dropped | undefined;
  /** From the file that is kept beside the history. */
  readonly anchor: Link | undefined;
  /** A hash that somebody has kept elsewhere. */
  readonly expected: string | undefined;
}

const FLAWS_TOLD = 20;

/** Goes through all events in the order of their ids, one after the other. */
export function followChain({ dropped, anchor, expected }: ChainSought) {
  const flaws: string[] = [];
  let flawCount = 0;
  let previous = dropped?.hash ?? NO_HASH;
  let chained = 0;
  let apart = 0;
  let first: ChainLook['first'] = null;
  let head: ChainLook['head'] = null;
  let isExpectedThere = expected === undefined || expected === dropped?.hash;
  let anchored: string | undefined = anchor !== undefined && anchor.id === dropped?.id ? dropped.hash : undefined;

  const tell = (sentence: string): void => {
    flawCount += 1;
    if (flaws.length < FLAWS_TOLD) flaws.push(sentence);
  };

  const link = (event: StoredEvent, hash: string): void => {
    const { id, at } = event;
    if (dropped !== undefined && id <= dropped.id) tell(`event ${id} is there, and was dropped as too old`);
    else if (hashAfter(previous, event) !== hash)
      tell(
        first === null
          ? `event ${id}, the first, does not go on from ${dropped === undefined ? 'the beginning' : `event ${dropped.id}`}: it was changed, or events before it were taken away`
          : `event ${id} does not go on from event ${head?.id}: it was changed, or events before it were changed, taken away or put in`,
      );
    previous = hash;
    chained += 1;
    first ??= { id, at };
    head = { id, hash, at };
    if (hash === expected) isExpectedThere = true;
    if (id === anchor?.id) anchored = hash;
  };

  return {
    see(event: StoredEvent): void {
      const { id, kind, hash } = event;
      if (!Number.isSafeInteger(id) || id < 1) tell(`event ${id} has an id that is never given`);
      else if (isChained(event) && typeof hash === 'string') link(event, hash);
      else if (isChained(event)) tell(`event ${id} (${kind}) has no hash: it was put in, or its hash was taken away`);
      else if (hash !== null) tell(`event ${id} has a hash, and ${kind} is never given one: its kind was changed`);
      else apart += 1;
    },
    end(): ChainLook {
      if (anchor === undefined ? chained > 0 : !isAnchored({ anchor, anchored, dropped }))
        tell(anchor === undefined ? NO_ANCHOR : missing(anchor));
      if (!isExpectedThere) tell(`the hash ${expected} is that of no event: what was recorded up to it is not here`);
      return { chained, apart, first, head, droppedUpTo: dropped?.id ?? null, flaws, flawCount };
    },
  };
}

const NO_ANCHOR = 'there is no audit-head beside the history: events taken away at its end would not be noticed';

function isAnchored(seen: { anchor: Link; anchored: string | undefined; dropped: Dropped | undefined }): boolean {
  const { anchor, anchored, dropped } = seen;
  return anchored === anchor.hash || (dropped !== undefined && anchor.id < dropped.id);
}

function missing({ id, hash }: Link): string {
  return `event ${id} with the hash ${hash}, which audit-head names, is not there: the end was taken away, or everything made anew`;
}
