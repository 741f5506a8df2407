import { serverLog } from '../server-log.ts';
import { runDoor } from '../workers/door-process.ts';
import type { ExitCode } from './command.ts';

/** A part of a server with workers that takes requests from the port. */
export function serveDoor(): Promise<ExitCode> {
  return runDoor(serverLog());
}
