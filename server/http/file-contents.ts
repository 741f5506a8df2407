import { includesRole } from '../core/role.ts';
import type { Caller } from './caller.ts';
import { type FailureReply, failure } from './reply.ts';

/**
 * Why somebody is not shown what is in files. What hosts are given may hold secrets: whoever watches the fleet need not know
 * them, and it suffices that they know which files change. Where nobody has to show who they are, hosts' files are open, too.
 */
export function refuseContents(caller: Caller): FailureReply | undefined {
  if (caller.kind !== 'person' || includesRole(caller.role, 'operator')) return undefined;
  return failure(
    'forbidden',
    `${caller.name} has the role ${caller.role}, and what is in files is shown to operators`,
    'ask without path for the names of the files that differ',
  );
}
