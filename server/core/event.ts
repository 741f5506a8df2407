export const EVENT_KINDS = [
  // A change of `tagstate`, `killswitch`, `pins` and `server.yml`, by whomever and in whatever way; of other control files.
  'mark',
  'kill',
  'resume',
  'pin',
  'setting',
  'control-file',
  // Who may ask, and who was refused.
  'token',
  'enrolment',
  'approval',
  'login',
  'refusal',
  // Tags by hand and by the clock, and what was dropped of the history itself.
  'tag-created',
  'tag-pruned',
  'prune',
  'fetch',
  'assignment',
  'report',
  // What many of them come to.
  'failure-spike',
  'wave-arrived',
  'problem-raised',
  'problem-cleared',
  'server',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface NewEvent {
  readonly at: number;
  readonly kind: EventKind;
  /** Who: `alice`, the name of a token, a hostname, `file owner alice` where a file was edited directly, `server`. */
  readonly by: string;
  /** From where: an address, `command line`, `admin socket`, `file`, `repository`; null for the server itself. */
  readonly from: string | null;
  /** A file, tag, hostname or problem id. */
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  /** The reason that was given. */
  readonly why: string | null;
  /** One sentence. */
  readonly summary: string;
}

export interface StoredEvent extends NewEvent {
  readonly id: number;
  /** Over the event and all of the chain before it, 64 lower-case hex digits; null for kinds outside of the chain. */
  readonly hash: string | null;
}
