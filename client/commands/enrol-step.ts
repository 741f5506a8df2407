import { enrol } from '../adapters/enrol.ts';
import { readTls, tokenFileOf, UNKNOWN } from '../adapters/identity.ts';
import { readJoinToken } from '../adapters/join-token.ts';
import { machineName } from '../adapters/machine-name.ts';
import { ask, type Servers } from '../adapters/servers.ts';
import { type Found, idsOf, type Step, StepFailed } from '../adapters/steps.ts';
import { nextOf, readToken } from '../adapters/token-file.ts';
import type { Failure } from '../core/failure.ts';
import { isPrivateLine } from '../core/private-line.ts';
import type { Settings } from '../settings/keys.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface Enrolling {
  readonly settings: Settings;
  readonly own: OwnFlags;
  /** Who polls; undefined: whoever runs this. */
  readonly user: string | undefined;
}

/** The server knows this host, where it wants to. A host that has a token is not asked about it. */
export function enrolStep({ settings, own, user }: Enrolling): Step {
  const tokenFile = tokenFileOf(settings);
  const hostname = settings.hostname ?? machineName(null);
  const from = own['join-token-file'];
  let more: string | undefined;
  const servers = (): Servers => {
    const tls = readTls(settings);
    if ('sentence' in tls) throw new StepFailed(tls);
    return {
      urls: settings.servers,
      preferred: null,
      answered: false,
      silenceMs: settings.timeoutSeconds * 1000,
      signal: new AbortController().signal,
      identity: { ...UNKNOWN, tls },
    };
  };
  return {
    what: tokenFile,
    async look() {
      const found = readToken(tokenFile);
      if (found.kind === 'failed') return { kind: 'blocked', failure: found.failure };
      if (found.kind === 'token') return { kind: 'right' };
      if (typeof from === 'string' || readToken(nextOf(tokenFile)).kind === 'token') return { kind: 'to-do' };
      const isPossible = settings.cert === undefined && settings.servers.some(isPrivateLine);
      return isPossible ? whetherWanted(servers(), hostname) : NOTHING;
    },
    async act() {
      if (hostname === undefined) throw new StepFailed(NAMELESS);
      const join = typeof from === 'string' ? await readJoinToken(from) : undefined;
      if (join?.kind === 'failed') throw new StepFailed(join.failure);
      const owner = user === undefined ? undefined : await idsOf(user);
      const enrolled = await enrol({ servers: servers(), hostname, tokenFile, joinToken: join?.token, owner });
      if (enrolled.kind !== 'enrolled') throw new StepFailed(enrolled.failure);
      const { id, state } = enrolled;
      more = state === 'active' ? `its id is ${id}` : `its id is ${id}: somebody has to let this host in`;
    },
    more: () => more,
  };
}

const NOTHING: Found = { kind: 'right', silent: true };
const NAMELESS: Failure = {
  sentence: "this machine's own name is none that a server could know",
  hint: "Give --hostname NAME, or set the machine's name.",
};

const TOTAL_MS = 60_000;

/** Who is asked without a token and wants one says so. */
async function whetherWanted(servers: Servers, hostname: string | undefined): Promise<Found> {
  if (hostname === undefined) return NOTHING;
  const found = await ask<Found>(servers, {
    path: `/v1/nodes/${hostname}`,
    totalMs: TOTAL_MS,
    read: async ({ status }) => (status === 401 ? { kind: 'to-do' } : NOTHING),
    garbled: () => NOTHING,
  });
  if (found.kind === 'found') return found.value;
  return { kind: 'kept', why: `nobody says whether it takes one: ${found.why.join('; ')}` };
}
