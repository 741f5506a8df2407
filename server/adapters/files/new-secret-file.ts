import { closeSync, fchmodSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { asCaller } from './privileges.ts';

/** A file that was just made, and is to hold a secret. */
export interface SecretFile {
  write(text: string): void;
  /** There is no secret after all. */
  discard(): void;
}

const PRIVATE = 0o600;

/** Never takes over a file that is there: whoever made it may read it, or have put a link in our way. */
export function createSecretFile(path: string): SecretFile {
  const fd = asCaller(() => {
    const opened = openSync(path, 'wx', PRIVATE);
    fchmodSync(opened, PRIVATE);
    return opened;
  });
  return {
    write(text) {
      writeSync(fd, text);
      fsyncSync(fd);
      closeSync(fd);
    },
    discard() {
      closeSync(fd);
      asCaller(() => rmSync(path, { force: true }));
    },
  };
}
