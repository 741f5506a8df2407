import { setTimeout as sleep } from 'node:timers/promises';
import type { Hostname } from '../../protocol/names.ts';
import { type Enrolled, enrol, rotate } from '../adapters/enrol.ts';
import { readTls, tokenFileOf, UNKNOWN } from '../adapters/identity.ts';
import { readJoinToken } from '../adapters/join-token.ts';
import { layoutOf } from '../adapters/layout.ts';
import { machineName } from '../adapters/machine-name.ts';
import type { Servers } from '../adapters/servers.ts';
import { recallState } from '../adapters/state-file.ts';
import type { StopSignals } from '../adapters/stop-signals.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import { backoffMs } from '../core/rhythm.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { refuse, usageProblem } from './poll.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface EnrollContext {
  readonly settings: Settings;
  readonly own: OwnFlags;
  readonly terminal: Terminal;
  readonly stop: StopSignals;
}

/** Lets a server know this host, or replaces what it is known by. Answers the exit code. */
export async function enroll(context: EnrollContext): Promise<number> {
  const { settings, own, terminal, stop } = context;
  if (own['rotate'] === true && own['join-token-file'] !== undefined)
    return refuse(terminal, '--rotate: the token that is there asks for the new one, without a join token');
  const { state } = await recallState(layoutOf(settings.target));
  const hostname = settings.hostname ?? machineName(state.machineName);
  const problem = usageProblem(hostname, settings.servers);
  if (problem !== undefined || hostname === undefined) return refuse(terminal, problem ?? '');
  const enrolled = await guarded(() => enrolThisHost(context, hostname));
  if (stop.signal.aborted && enrolled.kind === 'failed') return stop.received() === 'SIGINT' ? 130 : 143;
  return tell(context, hostname, enrolled);
}

async function enrolThisHost(context: EnrollContext, hostname: Hostname): Promise<Enrolled> {
  const { settings, own, stop } = context;
  const tls = readTls(settings);
  if ('sentence' in tls) return { kind: 'failed', failure: tls };
  const servers: Servers = {
    urls: settings.servers,
    preferred: null,
    answered: false,
    silenceMs: settings.timeoutSeconds * 1000,
    signal: stop.signal,
    identity: { ...UNKNOWN, tls },
  };
  const enrolment = { servers, hostname, tokenFile: tokenFileOf(settings) };
  if (own['rotate'] === true) return rotate(enrolment);
  const from = own['join-token-file'];
  const join = typeof from === 'string' ? await readJoinToken(from) : undefined;
  if (join?.kind === 'failed') return join;
  const ask = (): Promise<Enrolled> => enrol({ ...enrolment, joinToken: join?.token });
  return own['wait'] === true ? untilLetIn(context, hostname, ask) : ask();
}

const PATIENCE = { firstMs: 1000, mostMs: 15_000 };

/** Asks again and again until somebody has said yes or no. Says once what it waits for. */
async function untilLetIn(context: EnrollContext, hostname: Hostname, ask: () => Promise<Enrolled>): Promise<Enrolled> {
  const { terminal, stop } = context;
  for (let tries = 1; ; tries++) {
    const enrolled = await ask();
    const afterMs = enrolled.kind === 'failed' ? enrolled.afterMs : undefined;
    const isToWait = (enrolled.kind === 'enrolled' && enrolled.state === 'pending') || afterMs !== undefined;
    if (!isToWait || stop.signal.aborted) return enrolled;
    if (tries === 1 && !context.settings.json) tell(context, hostname, enrolled);
    else terminal.detail(`${hostname}: still not let in`);
    const waitMs = Math.max(afterMs ?? 0, backoffMs(tries, PATIENCE, Math.random()));
    await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

async function guarded(work: () => Promise<Enrolled>): Promise<Enrolled> {
  try {
    return await work();
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', failure };
  }
}

interface Ending {
  readonly exitCode: number;
  readonly outcome: 'enrolled' | 'rotated' | 'pending' | 'failed' | 'busy';
  readonly sentence: string;
  readonly hint?: string;
  readonly id?: string;
}

function tell({ settings, own, terminal }: EnrollContext, hostname: Hostname, enrolled: Enrolled): number {
  const ending = endingOf(enrolled, { tokenFile: tokenFileOf(settings), isRotation: own['rotate'] === true });
  const { exitCode, sentence, hint } = ending;
  const words = `${hostname}: ${sentence}${hint === undefined ? '' : `\n  ${hint}`}`;
  if (settings.json) terminal.json({ hostname, ...ending });
  else if (exitCode === 0) terminal.out(words);
  else terminal.err(words);
  return exitCode;
}

function endingOf(enrolled: Enrolled, { tokenFile, isRotation }: { tokenFile: string; isRotation: boolean }): Ending {
  if (enrolled.kind !== 'enrolled') {
    const { kind, failure } = enrolled;
    return { exitCode: kind === 'busy' ? 5 : 1, outcome: kind, ...withoutOutput(failure) };
  }
  const { state, id, isNew } = enrolled;
  if (state === 'pending')
    return {
      exitCode: 4,
      outcome: 'pending',
      id,
      sentence: `waits to be let in: the id of its token is ${id}`,
      hint: 'Whoever looks after the server compares the id and lets it in; from then on it is known without another step.',
    };
  const where = `the token in ${tokenFile} has the id ${id}`;
  if (isRotation) return { exitCode: 0, outcome: 'rotated', id, sentence: `has a new token: ${where}` };
  return { exitCode: 0, outcome: 'enrolled', id, sentence: `is known${isNew ? '' : ' already'}: ${where}` };
}

function withoutOutput({ sentence, hint }: Failure): Pick<Ending, 'sentence' | 'hint'> {
  return { sentence, hint };
}
