import type { Hostname, ObjectId } from '../../protocol/names.ts';
import type { EtchFound } from '../core/etch/found.ts';
import type { BaseFound, PlannedFile } from '../core/etch/plan.ts';
import type { Attempt } from './common.ts';

/** An existing etch server's directory, of which nothing is changed. */
export interface EtchDirectory {
  look(): Promise<Attempt<EtchFound>>;
  /** Runs its nodetagger as etch does; answers the first line that it prints. */
  askNodetagger(hostname: Hostname): Promise<{ readonly text: string } | { readonly failed: string }>;
  askNodegrouper(hostname: Hostname): Promise<{ readonly groups: readonly string[] } | { readonly failed: string }>;
}

/** The base that is written. */
export interface NewBase {
  look(): BaseFound;
  /** Creates the directory where it is missing. */
  create(): Attempt<null>;
  /** Published whole or not at all. */
  write(file: PlannedFile): Attempt<null>;
}

/** Takes directories into the private repository as they are. */
export interface DirectoryKeeper {
  /**
   * Commits what is in a directory, less what tools keep about a working copy, and answers the commit: `parent` itself where
   * that has the same tree. Reads until two passes agree.
   */
  keep(
    directory: string,
    options: { readonly parent: ObjectId | null; readonly at: number; readonly subject: string },
  ): Promise<Attempt<ObjectId>>;
  /** Makes a commit what the source had at an instant, where nothing was ever fetched: what is read next follows it. */
  beginWith(commit: ObjectId, at: number): Promise<void>;
}
