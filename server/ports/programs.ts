import type { Hostname } from '../../protocol/names.ts';
import type { ModuleContext } from '../core/module-context.ts';

/** The site's own programs. Answers are cached for 60 s until `forget`. */
export interface Programs {
  /** Which program decides, as the settings and the base directory stand now. */
  nodetagger(): ProgramState;
  nodegrouper(): ProgramState;
  /** `contextOf` is called for a module only. `afresh`: about another world than the present one, so nothing is cached. */
  askNodetagger(
    hostname: Hostname,
    contextOf: () => ModuleContext,
    options?: { readonly afresh?: boolean },
  ): Promise<{ readonly text: string } | { readonly failed: string }>;
  askNodegrouper(hostname: Hostname): Promise<{ readonly groups: readonly string[] } | { readonly failed: string }>;
  forget(): void;
}

export type ProgramState =
  | { readonly kind: 'none' }
  /** `stamp` changes with the file. */
  | { readonly kind: 'ready'; readonly path: string; readonly stamp: string }
  /** Configured or once in use, and cannot be run. */
  | { readonly kind: 'unusable'; readonly why: string };
