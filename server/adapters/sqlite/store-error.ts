import Database from 'better-sqlite3';

/**
 * Why the store cannot do what was asked:
 * `absent` there is no file, and it was not to be made · `older`, `newer` the file's format · `corrupt` · `full` ·
 * `read-only` · `busy` another process kept it locked · `unusable` it cannot be opened, read or written · `closed`.
 */
export type StoreErrorCode =
  | 'absent'
  | 'older'
  | 'newer'
  | 'corrupt'
  | 'full'
  | 'read-only'
  | 'busy'
  | 'unusable'
  | 'closed';

/** What calls of the store reject with where the reason lies outside of this program. The message is a sentence. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** What an operator can do. */
  readonly hint: string;

  constructor(code: StoreErrorCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The `StoreError` for what SQLite or the file system threw; undefined where it is a defect of this program. */
export function storeErrorOf(error: unknown, file: string): StoreError | undefined {
  if (error instanceof StoreError) return error;
  if (error instanceof Database.SqliteError) return fromSqlite(error.code, error.message, file);
  if (error instanceof Error && 'syscall' in error) return unusable(file, error.message);
  // What better-sqlite3 says before it asks SQLite.
  if (error instanceof TypeError && error.message.includes('directory does not exist'))
    return unusable(file, error.message);
  return undefined;
}

function fromSqlite(code: string, message: string, file: string): StoreError | undefined {
  const [, primary = ''] = code.split('_');
  switch (primary) {
    case 'BUSY':
    case 'LOCKED':
      return new StoreError(
        'busy',
        `${file} is kept locked by another process`,
        'find the process that has it open (fuser, lsof) and end it',
      );
    case 'FULL':
      return new StoreError(
        'full',
        `the disk that holds ${file} is full`,
        'free some space; recording then goes on by itself',
      );
    case 'READONLY':
      return new StoreError(
        'read-only',
        `${file} cannot be written: it, its directory or its file system is read-only for this user`,
        'give the user that runs this the right to write there; recording then goes on by itself',
      );
    case 'CORRUPT':
    case 'NOTADB':
      return new StoreError(
        'corrupt',
        `${file} is damaged (${message})`,
        'restore it from a backup, or remove it: only history is lost',
      );
    case 'IOERR':
    case 'CANTOPEN':
    case 'PERM':
    case 'NOLFS':
    case 'PROTOCOL':
      return unusable(file, `${message}, ${code}`);
    // A file that was emptied underneath has lost its tables.
    case 'ERROR':
      return message.startsWith('no such table') ? unusable(file, message) : undefined;
    default:
      return undefined;
  }
}

function unusable(file: string, why: string): StoreError {
  return new StoreError(
    'unusable',
    `${file} cannot be used (${why})`,
    'see that its directory exists and has space, and that this user may read and write there',
  );
}
