import { lstatSync } from 'node:fs';
import type { Layout } from './layout.ts';

/**
 * Looks different whenever somebody on this host made or removed the stop file, or another command wrote the state. Costs two
 * calls of the system, so it can be asked every second.
 */
export function localSigns({ state }: Pick<Layout, 'state'>, disableFile: string): string {
  return `${signOf(disableFile)} ${signOf(state)}`;
}

function signOf(path: string): string {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    return stats === undefined ? 'none' : `${stats.ino}.${stats.mtimeNs}.${stats.ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
