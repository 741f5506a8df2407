import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ObjectId, parseTagName, type TagName } from '../../../protocol/names.ts';
import type { TagRecord } from '../../core/tag.ts';
import type { Repository } from '../../ports.ts';
import { syncDirectory } from '../files/publish.ts';
import type { Mutate } from './mutation.ts';
import { gitDate, parseRefs, RETIRED, type Ref, refsBelow, resolve, TAGS } from './refs.ts';
import { type Git, GitFailed } from './run.ts';
import { type Reading, readTagObject, tagObject } from './tag-object.ts';

type Tags = Awaited<ReturnType<Repository['tags']>>;

/** Reads all tags, none where there is no repository yet: one `for-each-ref`, and one `cat-file` for those whose objects were not read before. */
export function tagReader(git: Git): () => Promise<Tags> {
  let last: { readonly listing: string; readonly tags: Tags } | undefined;
  let known: ReadonlyMap<string, Reading> = new Map();

  return async () => {
    if (!existsSync(git.gitDir)) return { records: [], unreadable: [] };
    const { stdout, stderr } = await git.plumb(['for-each-ref', '--format=%(refname) %(objectname)', TAGS]);
    const listing = `${stdout}\n${stderr}`;
    if (last?.listing === listing) return last.tags;
    const refs = parseRefs(stdout.toString());
    known = await readingsOf(git, { refs, known });
    const tags = assemble(refs, known, brokenRefs(stderr));
    last = { listing, tags };
    return tags;
  };
}

/** A file system may stamp two changes within one tick of its clock with the same time. */
const RACY_MS = 100;

/**
 * Changes whenever a tag ref does: refs are files that git renames into place, or lines of one that it replaces. For a
 * moment after a change it differs at every call.
 */
export function tagSignature(git: Git): string {
  return [join(git.gitDir, TAGS), join(git.gitDir, 'packed-refs')]
    .map((path) => {
      const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) return '-';
      const now = Date.now();
      const racy = Math.abs(now - Number(stats.mtimeMs)) < RACY_MS;
      return `${stats.ino}:${stats.size}:${stats.mtimeNs}${racy ? `:${performance.now()}` : ''}`;
    })
    .join(' ');
}

/** Git names refs whose files are damaged only in a warning. */
function brokenRefs(stderr: string): string[] {
  return [...stderr.matchAll(/ignoring (?:broken|dangling) .*?(refs\/\S+)/g)].map(([, ref = '']) => ref);
}

function assemble(refs: readonly Ref[], readings: ReadonlyMap<string, Reading>, broken: readonly string[]): Tags {
  const records: TagRecord[] = [];
  const unreadable = broken.map((ref) => ({ tag: ref.slice(TAGS.length), why: 'its ref is damaged' }));
  for (const ref of refs) {
    const tag = ref.name.slice(TAGS.length);
    const reading = readings.get(keyOf(ref)) ?? { ok: false, why: 'its object cannot be read' };
    if (parseTagName(tag) === undefined) unreadable.push({ tag, why: 'it is no name of a tag' });
    else if (reading.ok) records.push(reading.record);
    else unreadable.push({ tag, why: reading.why });
  }
  return { records: records.sort((a, b) => a.hour - b.hour), unreadable };
}

/** Whether an object is the record of a tag depends on the name too. */
function keyOf(ref: Ref): string {
  return `${ref.name} ${ref.object}`;
}

/** What was read before counts again; what could not be read is tried anew. */
async function readingsOf(git: Git, { refs, known }: { refs: readonly Ref[]; known: ReadonlyMap<string, Reading> }) {
  const wanted = refs.filter((ref) => known.get(keyOf(ref))?.ok !== true);
  const contents = await objectsOf(git, wanted);
  const readings = new Map<string, Reading>();
  for (const ref of refs) {
    const content = contents.get(ref.object);
    const reading = content === undefined ? known.get(keyOf(ref)) : readTagObject(content, ref.name.slice(TAGS.length));
    if (reading !== undefined) readings.set(keyOf(ref), reading);
  }
  return readings;
}

/** The contents of those that are tag objects. Where one is so damaged that git gives up, each is asked for by itself. */
async function objectsOf(git: Git, refs: readonly Ref[]): Promise<Map<ObjectId, string>> {
  if (refs.length === 0) return new Map();
  try {
    return await batch(git, refs);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    if (refs.length === 1) return new Map();
    const half = Math.ceil(refs.length / 2);
    return new Map([...(await objectsOf(git, refs.slice(0, half))), ...(await objectsOf(git, refs.slice(half)))]);
  }
}

async function batch(git: Git, refs: readonly Ref[]): Promise<Map<ObjectId, string>> {
  const { stdout } = await git.plumb(['cat-file', '--batch'], { input: refs.map((ref) => `${ref.object}\n`).join('') });
  const found = new Map<ObjectId, string>();
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    const [id = '', type = '', size = ''] = stdout.toString('latin1', at, end).split(' ');
    at = end + 1;
    if (type === 'missing') continue;
    if (type === 'tag') found.set(id as ObjectId, stdout.toString('utf8', at, at + Number(size)));
    at += Number(size) + 1;
  }
  return found;
}

/** Create-only and atomic: git itself lets one of any number of callers create the ref. On the disk when it returns. */
export async function createTag(git: Git, mutate: Mutate, record: TagRecord): Promise<'created' | 'exists'> {
  const ref = `${TAGS}${record.name}`;
  return mutate(async (plumb) => {
    const object = (await plumb(['mktag'], { input: tagObject(record) })).stdout.toString().trim();
    const env = { GIT_COMMITTER_DATE: gitDate(Date.parse(record.created)) };
    try {
      await plumb(['update-ref', '--stdin'], { input: `create ${ref} ${object}\n`, env });
    } catch (error) {
      // Nearly always there is none yet: whether there is one is asked only where git refuses.
      if ((await resolve(git, ref)) !== undefined) return 'exists';
      throw error;
    }
    syncDirectory(join(git.gitDir, TAGS));
    return 'created';
  });
}

/** Moves tags to where they no longer count, in one step; those that are not there are left out. */
export async function retireTags(
  git: Git,
  mutate: Mutate,
  { tags, at }: { tags: readonly TagName[]; at: number },
): Promise<void> {
  const names = new Set<string>(tags.map((tag) => `${TAGS}${tag}`));
  await mutate(async (plumb) => {
    const refs = (await refsBelow(git, TAGS)).filter((ref) => names.has(ref.name));
    const lines = refs.flatMap(({ name, object }) => [
      `update ${RETIRED}${name.slice(TAGS.length)}/${Math.floor(at / 1000)} ${object}\n`,
      `delete ${name} ${object}\n`,
    ]);
    if (lines.length > 0)
      await plumb(['update-ref', '--stdin'], { input: lines.join(''), env: { GIT_COMMITTER_DATE: gitDate(at) } });
  });
}

/** The retired tags' refs with the instant (milliseconds) at which they were retired. */
export async function retiredTags(git: Git): Promise<(Ref & { readonly at: number })[]> {
  const refs = await refsBelow(git, RETIRED);
  return refs.map((ref) => ({ ...ref, at: Number(ref.name.split('/').at(-1)) * 1000 }));
}
