import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
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
  /** What of the release in use is not as its manifest says; cheap unless `thorough`. */
  drift(release: ReleaseOnDisk, how: { readonly thorough: boolean }): Promise<readonly Drifted[]>;
  /** Takes what drifted back to what it should be. */
  repair(release: ReleaseOnDisk, drifted: readonly Drifted[]): Promise<readonly Kept[]>;
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
  /** Why nothing can go on here. */
  readonly failure?: Failure;
}

/** Something that is not Tagwave's and was in the way: a sentence on what became of it. */
export interface Kept {
  readonly path: string;
  readonly sentence: string;
}

/** A path of the release in use that is not as the manifest says. */
export interface Drifted {
  readonly path: string;
  /** As in `has other content`. */
  readonly how: string;
}
