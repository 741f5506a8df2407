import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Layout } from '../adapters/layout.ts';
import { publish, syncDirectory } from '../adapters/publish.ts';
import { type Failure, Refused } from '../core/failure.ts';
import type { Change } from './found.ts';

/** Where in-place mode keeps its things, all below the target and for the target's owner only. */
export interface Storage {
  readonly target: string;
  /** What is on the tree: the ledger. Replacing it is what makes an apply final. */
  readonly applied: string;
  /** Of an apply that is not final: its plan, and what it replaces. */
  readonly journal: string;
  readonly plan: string;
  /** What stood in the tree before Tagwave. */
  readonly originals: string;
  /** What was put onto the tree, by plan. */
  readonly trees: string;
  /** Copies of files that somebody changed by hand. */
  readonly kept: string;
}

export function storageOf({ root: target }: Pick<Layout, 'root'>): Storage {
  const journal = join(target, 'journal');
  return {
    target,
    applied: join(target, 'applied'),
    journal,
    plan: join(journal, 'plan.json'),
    originals: join(target, 'originals'),
    trees: join(target, 'trees'),
    kept: join(target, 'kept'),
  };
}

const attributes = { mode: z.int(), uid: z.int(), gid: z.int() };
const original = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), store: z.string(), keptAt: z.string(), ...attributes }),
  z.object({ kind: z.literal('link'), store: z.string(), keptAt: z.string(), ...attributes }),
  z.object({ kind: z.literal('directory'), keptAt: z.string(), ...attributes }),
]);

const ledgerSchema = z.object({
  version: z.literal(1),
  root: z.string(),
  /** Below releases/; null: nothing is on the tree. */
  release: z.nullable(z.string()),
  since: z.string(),
  /** The plan that led here. */
  plan: z.string(),
  /** That Tagwave made. */
  directories: z.array(z.string()),
  originals: z.record(z.string(), original),
});

/** What is on the tree, and what is to be given back one day. */
export type Ledger = z.infer<typeof ledgerSchema>;

const entry = z.object({
  path: z.string(),
  mode: z.enum(['100644', '100755', '120000']),
  size: z.int(),
  sha256: z.string(),
});
const change = z.object({
  path: z.string(),
  before: z.nullable(z.object({ kind: z.enum(['file', 'link', 'directory']), ...attributes })),
  after: z.nullable(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('entry'), entry, ...attributes }),
      z.object({ kind: z.literal('original'), store: z.string(), isKept: z.boolean(), ...attributes }),
      z.object({ kind: z.literal('directory'), ...attributes }),
    ]),
  ),
  keepAs: z.nullable(z.string()),
});
const journalSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  root: z.string(),
  release: z.nullable(z.string()),
  changes: z.array(change),
});

/** An apply that is going on: what it does, and with that what it takes to undo it. */
export interface Journal {
  readonly version: 1;
  readonly id: string;
  readonly root: string;
  readonly release: string | null;
  readonly changes: readonly Change[];
}

/** Undefined where nothing was ever put onto a tree. Throws `Refused` for one that is damaged. */
export function readLedger({ applied }: Pick<Storage, 'applied'>): Ledger | undefined {
  const stats = lstatSync(applied, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const stamp = `${applied} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
  if (lastRead?.stamp !== stamp) lastRead = { stamp, ledger: read(applied, ledgerSchema) };
  return lastRead.ledger;
}

/** A run asks many times, and thousands of originals take their time to be understood. */
let lastRead: { readonly stamp: string; readonly ledger: Ledger | undefined } | undefined;

/** The tree that a target is of; undefined where it is of none. */
export function rootOfTarget(layout: Pick<Layout, 'root'>): string | undefined {
  const storage = storageOf(layout);
  return readLedger(storage)?.root ?? readJournal(storage)?.root;
}

/** Why a target cannot be used without a tree; undefined where it can. */
export function treeOfTarget(layout: Pick<Layout, 'root'>): Failure | undefined {
  const root = rootOfTarget(layout);
  if (root === undefined) return undefined;
  return {
    sentence: `${layout.root} is of the tree ${root}`,
    hint: `Give --root ${root}, or another directory with --target.`,
  };
}

export function writeLedger(storage: Storage, ledger: Ledger): void {
  lastRead = undefined;
  publish(storage.applied, `${JSON.stringify(ledger)}\n`);
}

/** Undefined where no apply was interrupted. */
export function readJournal(storage: Storage): Journal | undefined {
  return read(storage.plan, journalSchema);
}

function read<Value>(path: string, schema: z.ZodMiniType<Value>): Value | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = schema.safeParse(asJson(text));
  if (parsed.success) return parsed.data;
  throw new Refused({
    sentence: `${path} is damaged: what Tagwave did to the tree is not known`,
    hint: `Nothing is touched. Get ${path} back from a backup; originals/ and journal/ beside it have what was replaced.`,
  });
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** From here on a run that is killed is undone. What the plan needs to be undone must be there and durable. */
export function arm(storage: Storage, journal: Journal): void {
  publish(storage.plan, `${JSON.stringify(journal)}\n`);
}

/** The apply is final, or undone: first the plan goes, so that what is left is never taken for one that can be undone. */
export function disarm(storage: Storage): void {
  try {
    unlinkSync(storage.plan);
    syncDirectory(storage.journal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  tidy(storage);
}

/** Removes what no plan and no ledger names. */
export function tidy(storage: Storage): void {
  rmSync(storage.journal, { recursive: true, force: true });
  const ledger = readLedger(storage);
  const named = new Set(Object.values(ledger?.originals ?? {}).map((one) => ('store' in one ? one.store : '')));
  for (const name of namesIn(storage.originals))
    if (!named.has(name)) rmSync(join(storage.originals, name), { recursive: true, force: true });
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** For nobody else to read: what stood in the tree may have been secret. */
export function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Where what stood at the path of a change waits while the apply is not final; undefined where nothing or a directory did. */
export function undoOf(storage: Storage, { before, keepAs }: Change, index: number): string | undefined {
  if (before === null || before.kind === 'directory') return undefined;
  return keepAs === null ? join(storage.journal, String(index)) : join(storage.originals, keepAs);
}

/** The name that new content has until it is put in its place. */
export function temporaryOf({ id }: Pick<Journal, 'id'>, index: number): string {
  return `.tagwave-${id}-${index}`;
}
