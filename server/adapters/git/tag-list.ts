import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ObjectId, parseTagName } from '../../../protocol/names.ts';
import type { TagRecord } from '../../core/tag.ts';
import type { Repository } from '../../ports/repository.ts';
import { errorCode } from '../files/failure.ts';
import { GitFailed } from './git-failed.ts';
import { parseRefs, type Ref, TAGS } from './refs.ts';
import type { Git } from './run.ts';
import { type Reading, readTagObject, tagObject } from './tag-object.ts';

type Tags = Awaited<ReturnType<Repository['tags']>>;

export interface TagList extends Pick<Repository, 'signature' | 'tags'> {
  /**
   * Call it under the repository's lock before a tag is made, and what it answers once the tag is there: where everything
   * else is known, the tag is then known too.
   */
  expect(ref: Ref, record: TagRecord): () => void;
}

/** What was read, or made by us, and what the files looked like then. */
interface Known {
  readonly files: string;
  /** `made`: read at some time, and one more tag since, which we put there while nobody else could. */
  readonly by: 'reading' | 'made' | 'racy reading';
  readonly refs: readonly Ref[];
  readonly listing: string;
  readonly readings: ReadonlyMap<string, Reading>;
  readonly tags: Tags;
}

/**
 * Where nothing changed since the last reading nothing is read. A tag of our own is known without another reading, which
 * follows once the file system's clock has moved on.
 */
export function openTagList(git: Git): TagList {
  let known: Known | undefined;
  const stillHolds = (known: Known, look: Look): boolean =>
    known.files === look.files && (look.isRacy ? known.by === 'made' : known.by === 'reading');

  return {
    signature() {
      const { files, isRacy } = lookAt(git);
      return isRacy ? `${files} ${performance.now()}` : files;
    },
    async tags() {
      if (!existsSync(git.gitDir)) return { records: [], unreadable: [] };
      const look = lookAt(git);
      // What could not be read is tried anew.
      if (known !== undefined && known.tags.unreadable.length === 0 && stillHolds(known, look)) return known.tags;
      const read = await readTags(git, known);
      known = { ...read, files: look.files, by: look.isRacy ? 'racy reading' : 'reading' };
      return known.tags;
    },
    expect(ref, record) {
      const base = known !== undefined && stillHolds(known, lookAt(git)) ? known : undefined;
      return () => {
        if (base !== undefined && base === known)
          known = { ...withOneMore(base, ref, record), files: lookAt(git).files };
      };
    },
  };
}

/** A file system may stamp two changes within one tick of its clock with the same time. */
const RACY_MS = 100;

interface Look {
  readonly files: string;
  /** Something changed a moment ago, and may have changed again without looking otherwise. */
  readonly isRacy: boolean;
}

/**
 * Differs whenever a tag ref does: refs are files that git renames into place, or lines of one that it replaces. How many
 * there are tells one more apart that came within the same tick.
 */
function lookAt(git: Git): Look {
  const directory = join(git.gitDir, TAGS);
  const looks = [lookAtPath(directory), lookAtPath(join(git.gitDir, 'packed-refs'))];
  return {
    files: `${countOf(directory)}${looks.map(({ files }) => files).join(' ')}`,
    isRacy: looks.some(({ isRacy }) => isRacy),
  };
}

/** Git takes the directory away where packing leaves nothing in it. */
function countOf(directory: string): string {
  try {
    return `${readdirSync(directory).length} `;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function lookAtPath(path: string): Look {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return { files: '-', isRacy: false };
  const isRacy = Math.abs(Date.now() - Number(stats.mtimeMs)) < RACY_MS;
  return { files: `${stats.ino}:${stats.size}:${stats.mtimeNs}`, isRacy };
}

type Read = Pick<Known, 'refs' | 'listing' | 'readings' | 'tags'>;

/** One `for-each-ref`, and the objects that were not read before. The same list is the same object. */
async function readTags(git: Git, known: Read | undefined): Promise<Read> {
  const { stdout, stderr } = await git.plumb(['for-each-ref', '--format=%(refname) %(objectname)', TAGS]);
  const refs = parseRefs(stdout.toString());
  const listing = listingOf(refs, brokenRefs(stderr));
  if (known?.listing === listing && known.tags.unreadable.length === 0) return known;
  const readings = await readingsOf(git, { refs, known: known?.readings ?? new Map() });
  return { refs, listing, readings, tags: assemble(refs, readings, brokenRefs(stderr)) };
}

function listingOf(refs: readonly Ref[], broken: readonly string[]): string {
  return [...refs.map(keyOf), ...broken].join('\n');
}

function withOneMore({ refs: before, readings: known }: Read, ref: Ref, record: TagRecord): Omit<Known, 'files'> {
  const refs = [...before, ref].sort((a, b) => (a.name < b.name ? -1 : 1));
  const readings = new Map([...known, [keyOf(ref), readTagObject(tagObject(record), record.name)]]);
  return { by: 'made', refs, listing: listingOf(refs, []), readings, tags: assemble(refs, readings, []) };
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
  const found = await git.objects.contents(refs.map((ref) => ref.object));
  const tags = found.flatMap((object) => (object?.type === 'tag' ? [object] : []));
  return new Map(tags.map(({ object, content }) => [object, content.toString()]));
}
