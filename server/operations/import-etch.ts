import { type ObjectId, startOf, type TagName } from '../../protocol/names.ts';
import {
  conflicts,
  type ImportPlan,
  isSame,
  type PlannedFile,
  type PlannedTag,
  planImport,
} from '../core/etch/plan.ts';
import type { Attempt } from '../ports/common.ts';
import type { DirectoryKeeper, EtchDirectory, NewBase } from '../ports/etch.ts';
import { type Compared, compareWithEtch } from './compare-with-etch.ts';
import type { Actor, Context } from './context.ts';
import { makeTag } from './make-tag.ts';
import { refreshShelf } from './refresh-shelf.ts';

export interface ImportQuestion {
  readonly etch: EtchDirectory;
  readonly base: NewBase;
  readonly now: number;
  readonly retentionHours: number;
  readonly keepAtLeast: number;
}

export interface ReadyImport {
  readonly plan: ImportPlan;
  readonly files: readonly { readonly file: PlannedFile; readonly outcome: 'new' | 'identical' | 'kept' }[];
  /** What the base's killswitch says that is not ours; null where there is none. */
  readonly standing: string | null;
  readonly compared: Compared;
}

export type PreparedImport =
  | { readonly ok: true; readonly ready: ReadyImport }
  | { readonly ok: false; readonly errors: readonly string[]; readonly hint: string };

/** Looks at everything and decides what will be done. Writes nothing. */
export async function prepareImport({ etch, base, ...rest }: ImportQuestion): Promise<PreparedImport> {
  const looked = await etch.look();
  if (!looked.ok) return { ok: false, errors: [looked.sentence], hint: looked.hint };
  const found = looked.value;
  const first = planImport({ found, ...rest, keepNodetagger: null });
  if (!first.ok) return first;
  const compared = await compareWithEtch({ etch, found, plan: first.plan, now: rest.now });
  const planned = compared.kind === 'differs' ? planImport({ found, ...rest, keepNodetagger: compared.why }) : first;
  if (!planned.ok) return planned;
  const { plan } = planned;
  const there = base.look();
  const errors = conflicts(plan, there);
  if (errors.length > 0)
    return { ok: false, errors, hint: 'nothing was changed; move those away, or name another directory with --base' };
  const files = plan.files.map((file) => ({ file, outcome: outcomeOf(file, there.files.get(file.name)) }));
  const standing = there.killswitch === null || isGuard(there.killswitch) ? null : there.killswitch;
  return { ok: true, ready: { plan, files, standing, compared } };
}

function outcomeOf(
  file: PlannedFile,
  there: Uint8Array | { readonly unreadable: string } | undefined,
): 'new' | 'identical' | 'kept' {
  if (there === undefined) return 'new';
  return !('unreadable' in there) && isSame(there, file.content) ? 'identical' : 'kept';
}

const GUARD = 'tagwave-server import-etch is not finished';

/** While it stands nobody is given half of what etch had. */
function guardText(directory: string): string {
  return `${GUARD}: run "tagwave-server import-etch ${directory}" again`;
}

function isGuard(message: string): boolean {
  return message.startsWith(GUARD);
}

/** Stops everything, then writes the control files. Doing it again goes on where it was interrupted. */
export function writeFiles(base: NewBase, ready: ReadyImport): Attempt<null> {
  for (const { file, outcome } of ready.files) {
    if (outcome !== 'new') continue;
    const written = base.write(file);
    if (!written.ok) return written;
  }
  return { ok: true, value: null };
}

/** Raises the killswitch that stands as long as the import is not finished, unless there is one already. */
export async function beginImport(context: Pick<Context, 'editor'>, directory: string): Promise<Attempt<null>> {
  const there = context.editor.raised(null);
  if (there !== null) return { ok: true, value: null };
  const raised = await context.editor.raise(null, guardText(directory));
  return raised.ok ? { ok: true, value: null } : raised;
}

/** Etch's own killswitch takes the place of ours; where it had none, everything goes on. */
export async function endImport(
  { editor }: Pick<Context, 'editor'>,
  { killswitch }: ImportPlan,
): Promise<Attempt<null>> {
  const there = editor.raised(null);
  if (there !== null && !isGuard(there.message)) return { ok: true, value: null };
  if (killswitch !== null) {
    const raised = await editor.raise(null, killswitch.trimEnd());
    return raised.ok ? { ok: true, value: null } : raised;
  }
  if (there === null) return { ok: true, value: null };
  const released = await editor.release(null, there.version);
  return released.ok ? { ok: true, value: null } : released;
}

export interface ImportedTag {
  readonly name: TagName;
  readonly outcome: 'created' | 'exists';
  readonly broken: string | null;
}

export interface TagsQuestion {
  readonly plan: ImportPlan;
  readonly keeper: DirectoryKeeper;
  readonly actor: Actor;
  /** Called before each. */
  readonly onProgress: (done: number, of: number) => void;
}

/** Makes the tags, oldest first, each on the commit of the one before. */
export async function importTags(context: Context, question: TagsQuestion): Promise<Attempt<readonly ImportedTag[]>> {
  const { plan, keeper, onProgress } = question;
  await refreshShelf(context);
  const imported: ImportedTag[] = [];
  let parent: ObjectId | null = null;
  for (const [index, tag] of plan.tags.entries()) {
    onProgress(index, plan.tags.length);
    const made: Attempt<Kept> = await importTag(context, question, { tag, parent });
    if (!made.ok) return made;
    parent = made.value.commit;
    imported.push(made.value.imported);
  }
  const newest = plan.tags.at(-1);
  if (parent !== null && newest !== undefined && plan.goesOn) await keeper.beginWith(parent, startOf(newest.hour));
  await refreshShelf(context);
  return { ok: true, value: imported };
}

interface Kept {
  readonly commit: ObjectId;
  readonly imported: ImportedTag;
}

async function importTag(
  context: Context,
  { keeper, actor }: TagsQuestion,
  { tag, parent }: { readonly tag: PlannedTag; readonly parent: ObjectId | null },
): Promise<Attempt<Kept>> {
  const { name, hour, path } = tag;
  const there = context.shelf.current().byName.get(name);
  const subject = `tags/${name} of etch`;
  const kept = await keeper.keep(path, { parent: there?.commit ?? parent, at: startOf(hour), subject });
  if (!kept.ok) return kept;
  if (there !== undefined && there.commit !== kept.value)
    return {
      ok: false,
      sentence: `${name} exists already with other content than ${path}; a tag is never replaced`,
      hint: 'import into another base, with a state directory of its own',
    };
  const reasons = [`as etch had it in ${path}`];
  const made = await makeTag(context, {
    hour,
    commit: kept.value,
    origin: 'manual',
    stale: false,
    fetched: null,
    reasons,
    actor,
  });
  if (!made.ok) return made;
  const { outcome, record } = made.value;
  return { ok: true, value: { commit: record.commit, imported: { name, outcome, broken: record.broken } } };
}
