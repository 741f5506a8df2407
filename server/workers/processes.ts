import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { partOf } from './part.ts';
import { type Door, HEAD, type Head } from './supervisor.ts';

/** Which part of a server a process is. */
export type Role = 'head' | 'door';

/** How this program was called: the parts are called the same way, and told what they are. */
export interface Program {
  readonly script: string;
  readonly args: readonly string[];
}

/** Starts the parts of a server as processes that end with this one. */
export function processStarter({ script, args }: Program) {
  const argsOf = (role: Role): string[] => [...args, '--as', role];
  // Doors take connections from the port themselves, without any detour through this process.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: script, args: argsOf('door') });
  return {
    startHead: (): Head => partOf(HEAD, fork(script, argsOf('head'))),
    startDoor: (name: string): Door => partOf(name, cluster.fork().process),
  };
}
