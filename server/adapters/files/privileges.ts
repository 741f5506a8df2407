import { chmodSync, readdirSync, statSync } from 'node:fs';
import type { Problem } from '../../core/problem.ts';
import { account, accountName } from './account.ts';
import { reasonOf } from './failure.ts';

/** The group may look: its members are those who run commands. Whoever started us may have been stricter. */
const NOBODY_ELSE = 0o027;
const OTHERS = 0o007;

/**
 * From now on what this process and its children create is not for other users. (Control files get their modes in so many
 * words: they are for people.)
 */
export function keepToOwnGroup(): void {
  process.umask(process.umask(NOBODY_ELSE) | NOBODY_ELSE);
}

/**
 * Takes away what other users may do in a state directory: what is below needs no look then, whatever mode it has from before.
 * Answers why that could not be done.
 */
export function tightenState(stateDir: string): Problem[] {
  const { mode } = statSync(stateDir);
  if ((mode & OTHERS) === 0) return [];
  const problem = (why: string): Problem => ({
    id: 'state:open',
    severity: 'warning',
    sentence: `other users of this machine may look into ${stateDir}, where all configurations and the history are: ${why}`,
    hint: `chmod o= ${stateDir}; those who run commands there belong into its group`,
  });
  // Somebody may have written /var/lib, which must stay what it is.
  if (!isOurs(stateDir)) return [problem('it holds other things than ours, so its mode was left alone')];
  try {
    chmodSync(stateDir, mode & 0o7777 & ~OTHERS);
    return [];
  } catch (error) {
    return [problem(`its mode could not be changed (${reasonOf(error)})`)];
  }
}

function isOurs(stateDir: string): boolean {
  const names = readdirSync(stateDir);
  return names.length === 0 || names.includes('repository.git') || names.includes('history.sqlite');
}

/**
 * What is wrong with the user that a server runs as. Root is not refused: in a container it may be all that there is, and no
 * restart shall fail for it in the middle of a night.
 */
export function userProblems(stateDir: string): Problem[] {
  if (process.geteuid?.() !== 0) return [];
  const owner = statSync(stateDir).uid;
  const also = owner === 0 ? '' : `, and leaves files in ${stateDir} that ${accountName(owner)} could not replace`;
  const user = owner === 0 ? 'a user of its own, who owns the state directory' : accountName(owner);
  return [
    {
      id: 'process:root',
      severity: 'warning',
      sentence: `the server runs as root, which it has no need of: a mistake in it, or in nodetagger and the like, could do anything${also}`,
      hint: `run it as ${user}: User= in the systemd unit, --user of a container`,
    },
  ];
}

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
