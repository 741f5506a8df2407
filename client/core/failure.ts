/** What went wrong and why, in one sentence, and what an operator can do next. */
export interface Failure {
  readonly sentence: string;
  readonly hint: string;
  /** The end of what a command printed. */
  readonly output?: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on its file system',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted',
  EIO: 'the disk reports an input/output error',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is longer than the file system allows',
  ENOTDIR: 'a part of the path is no directory',
  ELOOP: 'it is a symbolic link, which is never written through',
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space; the next run tries again. What is in use was not touched.',
  EDQUOT: 'Free some space or raise the quota; the next run tries again. What is in use was not touched.',
  EROFS: 'Mount it writable, or give another directory with --target.',
  EACCES: 'Run as the owner of the target directory, or give another directory with --target.',
  EPERM: 'Run as the owner of the target directory, or give another directory with --target.',
};

/** Thrown deep inside for what an operator has to see to. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.sentence);
    this.failure = failure;
  }
}

/**
 * A failure that the operating system reported for a file, or that was thrown as one; undefined for anything else, which is a
 * defect and to be thrown on.
 */
export function systemFailure(error: unknown): Failure | undefined {
  if (error instanceof Refused) return error.failure;
  if (!(error instanceof Error)) return undefined;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  return {
    sentence: `cannot ${syscall}${path === undefined ? '' : ` ${path}`}: ${REASONS[code] ?? code}`,
    hint: HINTS[code] ?? 'Look at the directory and its file system; the next run tries again.',
  };
}
