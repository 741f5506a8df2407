import type { HoldCode } from '../../protocol/errors.ts';
import type { TagName } from '../../protocol/names.ts';

/** What a node gets, with the steps taken. */
export type Decision =
  | { readonly outcome: 'serve'; readonly tag: TagName | 'trunk'; readonly reasons: readonly string[] }
  | { readonly outcome: 'hold'; readonly hold: HoldCode; readonly message: string; readonly reasons: readonly string[] }
  | {
      readonly outcome: 'killswitch';
      /** `null` = the global one. */
      readonly environment: string | null;
      readonly message: string;
      readonly reasons: readonly string[];
    };
