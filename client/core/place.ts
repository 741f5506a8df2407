import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import type { Drifted } from './drift.ts';
import type { Failure } from './failure.ts';

/**
 * Where a host has its configuration: as whole releases of which `current` names one, or put onto a directory tree. Everything
 * else of a run is the same for both. Methods throw what the file system reports.
 */
export interface Place {
  /** The tree that releases are put onto; undefined where they are used as they are staged. */
  readonly root: string | undefined;
  /** The release in use; undefined: nothing yet, or one that is gone. */
  inUse(): UsedSince | undefined;
  /** The name that no other release may get, as what is in use is called so, be it gone. */
  takenName(): string | undefined;
  /** Finishes or undoes what a killed run left, without a server, whatever the killswitch says. */
  recover(): Promise<Recovered>;
  /** What would make `activate` fail and can be known before, found before anything is touched. */
  obstacle(release: ReleaseOnDisk): Promise<Failure | undefined>;
  /** Puts a release into use: from now on it is what `inUse` says, also after a crash. Tells what it kept of others' work. */
  activate(release: ReleaseOnDisk): Promise<readonly Kept[]>;
  /** Back to nothing, as before the first release. */
  withdraw(): Promise<readonly Kept[]>;
  /** What of the release in use is not as its manifest says. Reads only what does not look as when it was last found right. */
  drift(release: ReleaseInUse, how: DriftCheckHow): Promise<DriftFound>;
  /** Takes what drifted back to what it should be; `stage` where that takes another copy of the release. */
  repair(release: ReleaseInUse, drifted: readonly Drifted[]): Promise<readonly Kept[] | 'stage'>;
}

export interface DriftCheckHow {
  /** Reads everything. */
  readonly thorough: boolean;
  /** Remembers how things look that are right. */
  readonly remembers: boolean;
  readonly signal: AbortSignal;
}

/** Of a release whose manifest is gone nothing can be said. */
export type DriftFound = readonly Drifted[] | 'unknown';

/** A release that is in use, and its manifest, which is only read when it is asked for; undefined when it is gone. */
export interface ReleaseInUse extends Pick<ReleaseOnDisk, 'name' | 'directory' | 'digest'> {
  readonly entries: () => readonly ManifestEntry[] | undefined;
}

export interface UsedSince {
  /** Below releases/. */
  readonly name: string;
  readonly since: Date;
}

/** A release that was staged and verified, and its manifest. */
export interface ReleaseOnDisk {
  /** Below releases/. */
  readonly name: string;
  readonly directory: string;
  readonly digest: Digest;
  readonly entries: readonly ManifestEntry[];
}

export interface Recovered {
  /** What was done, in sentences. */
  readonly told: readonly string[];
  /** What an interrupted run did to the place is as if it had not been. */
  readonly isUndone?: boolean;
  /** Why nothing can go on here. */
  readonly failure?: Failure;
}

/** Something that is not Tagwave's and was in the way: a sentence on what became of it. */
export interface Kept {
  readonly path: string;
  readonly sentence: string;
}
