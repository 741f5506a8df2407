import { createHash } from 'node:crypto';
import { comparePaths } from '../../../protocol/manifest.ts';
import type { ObjectId, RelativePath } from '../../../protocol/names.ts';
import { DEPLOY_FILE, type Deploy, parseDeploy } from '../../core/deploy.ts';
import { type Layer, type LayerEntry, readLayer } from '../../core/layers.ts';
import { patternMatcher } from '../../core/placeholders.ts';
import { type FileError, sentenceOf } from '../../core/problem.ts';
import { UnfitContent } from '../../ports/content.ts';
import type { Repository, TreeEntry } from '../../ports/repository.ts';
import { TEMPLATE_LIMIT } from '../templates/liquid.ts';
import { sumsOf } from './build.ts';
import { entriesOfTree } from './contents.ts';
import type { Sum, Sums } from './sums.ts';

/** An entry of a layer and what it is in the repository. */
export interface Source extends LayerEntry {
  readonly mode: TreeEntry['mode'];
  readonly blob: ObjectId;
}

/** One directory of a tree as a layer. Equal ids have equal entries. */
export interface Slice {
  readonly name: RelativePath | '';
  readonly id: string;
  readonly layer: Layer<Source>;
}

/** A tree that has a `deploy.yml`, read once for all nodes: planning a view asks git nothing. */
export interface Site {
  readonly tree: ObjectId;
  readonly deploy: Deploy;
  /** Of `deploy.yml` as it is written. */
  readonly deployId: string;
  readonly sums: ReadonlyMap<ObjectId, Sum>;
  /** Links whose targets hosts can make. */
  readonly links: ReadonlySet<ObjectId>;
  readonly texts: ReadonlyMap<ObjectId, string>;
  /** The files that `vars` can name. */
  readonly varsFiles: ReadonlyMap<string, ObjectId>;
  /** The templates that some layer can have. */
  readonly templates: readonly { readonly path: string; readonly blob: ObjectId }[];
  /** The entries below a directory, '' = the whole tree; undefined where there is none. Throws `UnfitContent`. */
  slice(directory: RelativePath | ''): Slice | undefined;
  /** What it takes in memory, in entries. */
  readonly weight: number;
}

export interface Reading {
  readonly repository: Pick<Repository, 'entries' | 'blobs'>;
  readonly sums: Sums;
  /** Read before: what they know need not be read again. */
  readonly before: readonly Site[];
}

const DEPLOY_LIMIT_BYTES = 1024 * 1024;
const TOLD_ERRORS = 20;

/** The `deploy.yml` of a tree; undefined for one without it, whose only view is the whole tree. Throws `UnfitContent`. */
export async function deployTextOf(tree: ObjectId, repository: Pick<Repository, 'file'>): Promise<Buffer | undefined> {
  return repository.file(tree, DEPLOY_FILE, DEPLOY_LIMIT_BYTES).catch(tooLarge);
}

/** Reads a tree that has this `deploy.yml`. Throws `UnfitContent`. */
export async function readSite(tree: ObjectId, text: Buffer, { repository, sums, before }: Reading): Promise<Site> {
  const parsed = parseDeploy(text.toString('utf8'));
  if (!parsed.ok) throw new UnfitContent(sentencesOf(parsed.errors));
  const deploy = parsed.value;
  const all = await repository.entries(tree);
  const isVars = deploy.vars.map(patternMatcher);
  const varsFiles = new Map<string, ObjectId>();
  const entries = all.filter(({ path, mode, blob }) => {
    if (!isVars.some((matches) => matches(path))) return true;
    if (mode !== '120000') varsFiles.set(path, blob);
    return false;
  });
  const templates = entries.filter(isTemplate).filter(({ path }) => isInLayer(deploy, path));
  const known = await sumsWith({ repository, sums, before }, all);
  const texts = await textsOf({ repository, sums, before }, known.sums, [
    ...varsFiles.values(),
    ...templates.map(({ blob }) => blob),
  ]);
  return {
    tree,
    deploy,
    deployId: createHash('sha256').update(text).digest('hex'),
    ...known,
    texts,
    varsFiles,
    templates,
    slice: sliceReader(entries),
    weight: all.length + 100,
  };
}

function tooLarge(error: Error): never {
  if (/more than the \d+ allowed/.test(error.message)) throw new UnfitContent(error.message);
  throw error;
}

/** All that is wrong with a file, as one text. */
export function sentencesOf(errors: readonly FileError[]): string {
  const told = errors.slice(0, TOLD_ERRORS).map(sentenceOf);
  const more = errors.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more errors`] : [])].join('; ');
}

function isTemplate({ path, mode }: TreeEntry): boolean {
  return mode !== '120000' && path.endsWith('.liquid');
}

function isInLayer({ layers }: Deploy, path: string): boolean {
  if (layers === null) return true;
  const matchers = layers.map(patternMatcher);
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const directory = path.slice(0, slash);
    if (matchers.some((matches) => matches(directory))) return true;
  }
  return false;
}

/** Every content is looked at once, so that a tag whose content cannot be read is never made. */
async function sumsWith({ repository, sums, before }: Reading, entries: readonly TreeEntry[]) {
  const last = before.at(-1);
  const all = new Map<ObjectId, Sum>();
  const links = new Set<ObjectId>();
  const unknown = entries.filter(({ mode, blob }) => {
    if (mode === '120000') links.add(blob);
    const sum = mode === '120000' && !last?.links.has(blob) ? undefined : last?.sums.get(blob);
    if (sum !== undefined) all.set(blob, sum);
    return sum === undefined;
  });
  for (const [blob, sum] of await sumsOf(repository, entriesOfTree(unknown), sums)) all.set(blob, sum);
  return { sums: all, links };
}

/** The texts of templates and vars files; of one that is too large, or not UTF-8, none. */
async function textsOf({ repository, before }: Reading, sums: ReadonlyMap<ObjectId, Sum>, wanted: ObjectId[]) {
  const texts = new Map<ObjectId, string>();
  const missing = new Set<ObjectId>();
  for (const blob of wanted) {
    const known = before.findLast((site) => site.texts.has(blob))?.texts.get(blob);
    if (known !== undefined) texts.set(blob, known);
    else if ((sums.get(blob)?.size ?? 0) <= TEMPLATE_LIMIT) missing.add(blob);
  }
  if (missing.size === 0) return texts;
  for await (const { blob, content } of repository.blobs(missing)) {
    const bytes = Buffer.concat(await content.toArray());
    const text = bytes.toString('utf8');
    if (Buffer.from(text).equals(bytes)) texts.set(blob, text);
  }
  return texts;
}

/** The text of a template or a vars file. */
export function textOf(site: Site, path: string, blob: ObjectId): string {
  const text = site.texts.get(blob);
  if (text !== undefined) return text;
  throw new UnfitContent(`${path} is larger than ${TEMPLATE_LIMIT} bytes, or not UTF-8`);
}

function sliceReader(entries: readonly TreeEntry[]): Site['slice'] {
  const slices = new Map<string, Slice>();
  return (directory) => {
    const known = slices.get(directory);
    if (known !== undefined) return known;
    const slice = readSlice(entries, directory);
    // What there is not is not remembered: anybody can make up a hostname.
    if (slice !== undefined) slices.set(directory, slice);
    return slice;
  };
}

function readSlice(entries: readonly TreeEntry[], directory: RelativePath | ''): Slice | undefined {
  const prefix = directory === '' ? '' : `${directory}/`;
  const sources: Source[] = [];
  const hash = createHash('sha256');
  for (let index = firstFrom(entries, prefix); entries[index]?.path.startsWith(prefix) === true; index++) {
    const { path, mode, blob } = entries[index] as TreeEntry;
    const below = path.slice(prefix.length) as RelativePath;
    sources.push({ path: below, mode, blob, isLink: mode === '120000' });
    hash.update(`${mode} ${blob} ${below}\0`);
  }
  if (sources.length === 0) return undefined;
  const read = readLayer(sources);
  if ('error' in read) throw new UnfitContent(`${prefix}${read.path} ${read.error}`);
  return { name: directory, id: hash.digest('hex'), layer: read.layer };
}

/** Where the paths begin that are not before a text, in UTF-8 byte order. */
function firstFrom(entries: readonly TreeEntry[], text: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(entries[middle]?.path ?? '', text) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
