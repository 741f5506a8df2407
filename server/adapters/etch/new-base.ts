import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLANNED } from '../../core/etch/plan.ts';
import type { Attempt } from '../../ports/common.ts';
import type { NewBase } from '../../ports/etch.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { lookAtKillswitch } from '../files/killswitch.ts';
import { asCaller } from '../files/privileges.ts';
import { publish } from '../files/publish.ts';

/** The base is for people, and for the server's user: what is private in a server is not here. */
const EVERYBODY_READS = 0o022;

/** A base that is written file by file, as whoever called the command. */
export function openNewBase(base: string): NewBase {
  return {
    look() {
      const files = new Map<string, Uint8Array | { readonly unreadable: string }>();
      for (const name of PLANNED) {
        try {
          files.set(name, readFileSync(join(base, name)));
        } catch (error) {
          if (errorCode(error) !== 'ENOENT') files.set(name, { unreadable: reasonOf(error) });
        }
      }
      return { files, killswitch: lookAtKillswitch(base).global };
    },
    create: () => attempt(base, () => mkdirSync(base, { recursive: true })),
    write: ({ name, content, isExecutable }) =>
      attempt(join(base, name), () => publish(join(base, name), content, { mode: isExecutable ? 0o755 : 0o644 })),
  };
}

function attempt(path: string, work: () => unknown): Attempt<null> {
  return asCaller((): Attempt<null> => {
    const umask = process.umask(EVERYBODY_READS);
    try {
      work();
      return { ok: true, value: null };
    } catch (error) {
      if (errorCode(error) === '') throw error;
      return {
        ok: false,
        sentence: `${path} cannot be written: ${reasonOf(error)}`,
        hint: 'run it as a user who may write there, or name another directory with --base',
      };
    } finally {
      process.umask(umask);
    }
  });
}
