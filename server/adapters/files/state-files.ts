import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StateFiles } from '../../ports/files.ts';
import { errorCode } from './failure.ts';
import { publish } from './publish.ts';

/** For a process that only looks: what it finds out is for the server to keep, and a check must leave nothing behind. */
export function stateFilesForReading(stateDir: string): StateFiles {
  return { read: stateFiles(stateDir).read, write: () => undefined, append: () => undefined };
}

/** The plain files of the state directory. Reading a missing file answers undefined; every other failure throws. */
export function stateFiles(stateDir: string): StateFiles {
  return {
    read(name) {
      try {
        return readFileSync(join(stateDir, name), 'utf8');
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(name, text) {
      const path = join(stateDir, name);
      mkdirSync(dirname(path), { recursive: true });
      publish(path, text);
    },
    append(name, text) {
      const path = join(stateDir, name);
      mkdirSync(dirname(path), { recursive: true });
      appendFileSync(path, text, { flush: true });
    },
  };
}
