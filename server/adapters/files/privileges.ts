import { statSync } from 'node:fs';
import { account } from './account.ts';

/**
 * A command that root runs does its work in the state directory as that directory's owner, so that it leaves no file there
 * which the server could not replace. `forGood` where other programs are started; else `asCaller` goes back for an edit.
 */
export function workAsOwnerOf(stateDir: string, { forGood }: { readonly forGood: boolean }): void {
  const owner = statSync(stateDir, { throwIfNoEntry: false });
  if (owner === undefined || process.geteuid?.() !== 0 || owner.uid === 0) return;
  const who = account(owner.uid);
  if (who !== undefined) process.env['HOME'] = who.home;
  process.setgroups?.([owner.gid]);
  if (forGood) {
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  } else {
    process.setegid?.(owner.gid);
    process.seteuid?.(owner.uid);
  }
}

/**
 * Runs work as whoever called the command, also while the process works as somebody else. The whole process changes, so the
 * work must be done when it returns.
 */
export function asCaller<Value>(work: () => Value): Value {
  const [user, group] = [process.geteuid?.(), process.getegid?.()];
  if (process.getuid?.() !== 0 || user === undefined || user === 0 || group === undefined) return work();
  process.seteuid?.(0);
  process.setegid?.(0);
  try {
    return work();
  } finally {
    process.setegid?.(group);
    process.seteuid?.(user);
  }
}
