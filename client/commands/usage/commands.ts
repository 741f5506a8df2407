import { DIFF } from './diff.ts';
import { ENROLL } from './enroll.ts';
import { INSTALL } from './install.ts';
import { POLL } from './poll.ts';
import { RESTORE } from './restore.ts';
import { RESUME } from './resume.ts';
import { ROLLBACK } from './rollback.ts';
import { STATUS } from './status.ts';
import { UPDATE } from './update.ts';
import type { Usage } from './usage.ts';
import { WATCH } from './watch.ts';

/** All commands, in the order in which the help lists them. */
export const COMMANDS = [
  POLL,
  WATCH,
  STATUS,
  DIFF,
  ROLLBACK,
  RESUME,
  RESTORE,
  ENROLL,
  INSTALL,
  UPDATE,
] as const satisfies readonly Usage[];

export type CommandName = (typeof COMMANDS)[number]['name'];
