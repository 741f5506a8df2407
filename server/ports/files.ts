import type { KillswitchLook } from '../core/killswitch.ts';
import type { Sighting } from '../core/settle.ts';
import type { Attempt } from './common.ts';

export const CONTROL_FILES = ['server.yml', 'schedule.yml', 'nodes.yml', 'nodegroups.yml', 'pins', 'tagstate'] as const;

export type ControlFileName = (typeof CONTROL_FILES)[number];

/** Looks at the files of the base directory. An unchanged file costs one stat call, and answers the same object as before. */
export interface ControlFiles {
  sighting(file: ControlFileName, settleSeconds: number): Sighting;
  killswitch(): KillswitchLook;
  /** Changes when `killswitch` or `killswitch.d` does: two stat calls. */
  killswitchTrace(): string;
  /** The name of a file's owner, for the record of who changed it. */
  ownerOf(file: string): string;
}

/** Replaces the content of a control file: under a lock, re-read just before, by temporary name and rename. */
export interface ControlFileEditor {
  /**
   * Hands the present text (null = absent) to `change`, which answers the new one, or undefined to leave it as it is. Waits `waitMs` for another editor; with `insist` goes on without the lock after that.
   */
  edit(
    file: string,
    change: (text: string | null) => string | undefined,
    options: { readonly waitMs: number; readonly insist: boolean },
  ): Promise<Attempt<{ readonly before: string | null; readonly after: string | null; readonly warning?: string }>>;
  /** Creates `killswitch` or `killswitch.d/<environment>` with its message, reading nothing else first. `warning`: why the message could not be written. */
  raise(
    environment: string | null,
    message: string,
  ): Promise<Attempt<{ readonly path: string; readonly warning?: string }>>;
  /** The file as it is now; null where there is none. `version` changes with the file and its content. */
  raised(environment: string | null): { readonly message: string; readonly version: string } | null;
  /** Removes the file, unless it is no longer the version that was shown. A link is removed, not what it points to. */
  release(environment: string | null, shown: string): Promise<Attempt<{ readonly path: string }>>;
}

/** Plain files of the state directory, written atomically and synced. Names may have one folder. */
export interface StateFiles {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  append(name: string, text: string): void;
}
