/** A file as it was found. */
export type FoundFile =
  | {
      readonly kind: 'file';
      /** Where, for people: below which directory it was found differs. */
      readonly path: string;
      readonly content: Uint8Array;
      readonly text: string;
      readonly isExecutable: boolean;
      /** Where else there is one that says something else. */
      readonly others: readonly string[];
    }
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string }
  | { readonly kind: 'absent' };

/** An entry of `tags/`. */
export interface FoundTag {
  readonly name: string;
  readonly path: string;
  /** Why it cannot be read as a whole; null where nothing speaks against it. */
  readonly unreadable: string | null;
  /** Regular files and links. */
  readonly files: number;
  /** What git cannot hold: empty directories, sockets, pipes, devices. At most a few, relative. */
  readonly unkept: readonly string[];
  readonly unkeptCount: number;
}

export const WORKING_COPIES = ['git', 'svn', 'cvs', 'hg', 'plain'] as const;

/** What etch made its tags from. */
export interface FoundTrunk {
  readonly path: string;
  readonly kind: (typeof WORKING_COPIES)[number];
}

export const ETCH_FILES = ['nodes.yml', 'nodegroups.yml', 'tagstate', 'nodetagger', 'nodegrouper'] as const;
export type EtchFileName = (typeof ETCH_FILES)[number];

/** An etch server's directory as it was found. */
export interface EtchFound {
  readonly directory: string;
  readonly files: Readonly<Record<EtchFileName, FoundFile>>;
  /** The message; null where there is no killswitch. */
  readonly killswitch: string | null;
  /** By name. */
  readonly tags: readonly FoundTag[];
  /** Null where there is neither `trunk` nor a `source` in the directory itself. */
  readonly trunk: FoundTrunk | null;
  /** Other entries of the directory, by name. */
  readonly others: readonly string[];
}
