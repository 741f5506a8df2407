import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StateFiles } from '../../ports.ts';
import { errorCode } from './failure.ts';
import { publish } from './publish.ts';

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
