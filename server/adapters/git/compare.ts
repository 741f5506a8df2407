import pLimit from 'p-limit';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Difference, DifferingFile, Patch, Repository, TreeComparison } from '../../ports/repository.ts';
import { type LineCount, parseDifferences, pathText, type RawDifference } from './difference.ts';
import { GitFailed } from './git-failed.ts';
import type { Git } from './run.ts';

/** So many files are named. */
const SHOWN = 1000;
/** Of more, neither are lines counted nor renames looked for: every one of them would have to be read. */
const MOST_READ = 5000;
/** Some hundred thousand paths; the differences of two tags that have less in common are no use to anybody. */
const MOST_BYTES = 2 ** 28;
/** Whoever looks at a change waits for it. */
const SECONDS = 20;
/** Others want a processor, too. */
const AT_ONCE = 2;
const REMEMBERED = 64;

const DIFF_TREE = ['diff-tree', '-r', '--no-color', '--no-ext-diff', '--no-textconv', '--ignore-submodules=none'];
const RENAMES = ['--find-renames', '-l1000'];

/** No tree has these, and git takes them for a way to somewhere. */
const NO_NAMES: ReadonlySet<string> = new Set(['', '.', '..']);
const NO_PATCH: Patch = { text: null, isCut: false };

/** As it is remembered: with the bytes of the paths that are named. */
interface Known {
  readonly comparison: TreeComparison;
  readonly shown: readonly RawDifference[];
  readonly isRead: boolean;
}

/** In what commits or trees differ, by git itself. */
export function openComparisons(git: Git): Pick<Repository, 'compare' | 'patch'> {
  const limit = pLimit(AT_ONCE);
  const known = new Map<string, Promise<Known>>();

  /** However many ask for the same, it is worked out once; what nobody asked for lately is forgotten. */
  const compared = (from: ObjectId, to: ObjectId): Promise<Known> => {
    const key = `${from} ${to}`;
    const found = known.get(key) ?? limit(() => compare(git, from, to));
    known.delete(key);
    known.set(key, found);
    found.catch(() => known.get(key) === found && known.delete(key));
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    return found;
  };

  return {
    compare: async (from, to) => (await compared(from, to)).comparison,
    async patch({ from, to, path, limitBytes }) {
      if (path?.split('/').some((part) => NO_NAMES.has(part))) return NO_PATCH;
      const { shown, isRead } = await compared(from, to);
      const paths = path === null ? undefined : pathsOf(shown, path);
      const options = isRead ? RENAMES : ['--no-renames'];
      return limit(() => patchOf(git, { from, to, paths, options, limitBytes }));
    },
  };
}

function pathsOf(shown: readonly RawDifference[], path: string): Buffer[] {
  const file = shown.find((one) => pathText(one.path) === path);
  if (file === undefined) return [Buffer.from(path)];
  return file.oldPath === null ? [file.path] : [file.path, file.oldPath];
}

async function compare(git: Git, from: ObjectId, to: ObjectId): Promise<Known> {
  if (from === to) return knownFrom([], []);
  const { stdout, isCut } = await git.plumb([...DIFF_TREE, '-z', '--raw', '--no-renames', from, to], {
    enoughBytes: MOST_BYTES,
    seconds: SECONDS,
  });
  if (isCut) throw new Error(`${from} and ${to} differ in too many files to be listed`);
  const { differences } = parseDifferences(stdout);
  if (differences.length > MOST_READ) return knownFrom(differences, null);
  try {
    const counted = await git.plumb([...DIFF_TREE, '-z', '--raw', '--numstat', ...RENAMES, from, to], {
      seconds: SECONDS,
    });
    const parsed = parseDifferences(counted.stdout);
    return knownFrom(parsed.differences, parsed.lines);
  } catch (error) {
    if (error instanceof GitFailed && error.isLate) return knownFrom(differences, null);
    throw error;
  }
}

/** `lines` null = not counted. */
function knownFrom(differences: readonly RawDifference[], lines: readonly LineCount[] | null): Known {
  const counts: Record<Difference, number> = { added: 0, modified: 0, deleted: 0, renamed: 0, type: 0 };
  for (const { status } of differences) counts[status] += 1;
  const byPath = new Map((lines ?? []).map((one) => [one.path.toString('latin1'), one]));
  // What is kept must not keep all of git's output in memory.
  const shown = differences.slice(0, SHOWN).map(({ status, path, oldPath }) => ({
    status,
    path: Buffer.from(path),
    oldPath: oldPath && Buffer.from(oldPath),
  }));
  const files = shown.map(({ status, path, oldPath }): DifferingFile => {
    const { insertions = null, deletions = null } = byPath.get(path.toString('latin1')) ?? {};
    return { path: pathText(path), oldPath: oldPath && pathText(oldPath), status, insertions, deletions };
  });
  return { comparison: { counts, lines: lines && totalOf(lines), files }, shown, isRead: lines !== null };
}

function totalOf(lines: readonly LineCount[]): TreeComparison['lines'] {
  const sum = (numbers: readonly (number | null)[]): number =>
    numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
  return { insertions: sum(lines.map((one) => one.insertions)), deletions: sum(lines.map((one) => one.deletions)) };
}

interface Sought {
  readonly from: ObjectId;
  readonly to: ObjectId;
  /** Undefined = all. */
  readonly paths: readonly Buffer[] | undefined;
  readonly options: readonly string[];
  readonly limitBytes: number;
}

async function patchOf(git: Git, { from, to, paths, options, limitBytes }: Sought): Promise<Patch> {
  if (from === to) return NO_PATCH;
  const { stdout, isCut } = await git.plumb([...DIFF_TREE, '--patch', ...options, from, to, '--'], {
    enoughBytes: limitBytes,
    seconds: SECONDS,
    ...(paths === undefined ? {} : { paths: paths.flatMap(onlyThatFile) }),
  });
  if (stdout.length === 0) return NO_PATCH;
  const end = isCut ? stdout.subarray(0, limitBytes).lastIndexOf(10) + 1 : stdout.length;
  return { text: stdout.toString('utf8', 0, end), isCut };
}

/** Where a directory has taken the file's place, or the other way round, what is in it is another matter. */
function onlyThatFile(path: Buffer): Buffer[] {
  return [
    Buffer.concat([Buffer.from(':(top,literal)'), path]),
    Buffer.concat([Buffer.from(':(top,exclude,literal)'), path, Buffer.from('/')]),
  ];
}
