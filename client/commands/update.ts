import { fetchClientBuild, fetchClientRelease } from '../adapters/fetch-client.ts';
import { identify } from '../adapters/identity.ts';
import { lookAtOwn, type OwnProgram, replaceOwn, whyNotWritable } from '../adapters/own-program.ts';
import type { Servers } from '../adapters/servers.ts';
import type { StopSignals } from '../adapters/stop-signals.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import { planUpdate } from '../core/update.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface UpdateContext {
  readonly settings: Settings;
  readonly own: OwnFlags;
  readonly terminal: Terminal;
  readonly stop: StopSignals;
  /** The file that Node was started with. */
  readonly script: string | undefined;
}

/** How it ended, in words and for programs. */
interface Ending {
  readonly exitCode: number;
  readonly outcome: 'updated' | 'same' | 'available' | 'failed';
  readonly sentence: string;
  readonly hint?: string;
  readonly version?: string;
  readonly offered?: string;
}

/** Replaces this program by the one that the server lists. Answers the exit code. */
export async function update(context: UpdateContext): Promise<number> {
  const { settings, terminal } = context;
  if (settings.servers.length === 0) {
    terminal.err(
      "tagwave: no server is given\n  Give --server URL, or write 'server: URL' to /etc/tagwave/client.yml.",
    );
    return 2;
  }
  const ending = await guarded(() => decide(context));
  if (settings.json) terminal.json(ending);
  else if (ending.exitCode === 1) terminal.err(`tagwave: ${ending.sentence}\n  ${ending.hint ?? ''}`);
  else terminal.out(`tagwave: ${ending.sentence}`);
  return ending.exitCode;
}

async function guarded(work: () => Promise<Ending>): Promise<Ending> {
  try {
    return await work();
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return failed(failure);
  }
}

async function decide({ settings, own, stop, script }: UpdateContext): Promise<Ending> {
  const program = lookAtOwn(script);
  if (program.kind === 'unfit') return failed(program.failure);
  const servers: Servers = {
    urls: settings.servers,
    preferred: null,
    answered: false,
    silenceMs: settings.timeoutSeconds * 1000,
    signal: stop.signal,
    identity: identify(settings),
  };
  const listed = await fetchClientRelease(servers);
  if (listed.kind === 'failed') return failed(listed.failure);
  const offered = listed.value;
  const versions = { version: program.version, offered: offered.version };
  const plan = planUpdate(program, offered, { force: own['force'] === true });
  const at = servers.preferred ?? 'the server';
  switch (plan.kind) {
    case 'same':
      return { exitCode: 0, outcome: 'same', sentence: `${program.version} is what ${at} has`, ...versions };
    case 'older':
      return {
        ...failed({
          sentence: `${at} has ${offered.version}, which is older than this (${program.version})`,
          hint: 'Nothing was changed. Update the server first, or go back with --force.',
        }),
        ...versions,
      };
    case 'replace': {
      const what = plan.isRebuilt ? `another build of ${offered.version}` : offered.version;
      if (own['check'] === true)
        return {
          exitCode: 6,
          outcome: 'available',
          sentence: `${at} has ${what}; this is ${program.version}`,
          ...versions,
        };
      return { ...(await replace(program, { servers, offered, what })), ...versions };
    }
  }
}

interface Replacing {
  readonly servers: Servers;
  readonly offered: Parameters<typeof fetchClientBuild>[1];
  readonly what: string;
}

async function replace(program: OwnProgram, { servers, offered, what }: Replacing): Promise<Ending> {
  const unwritable = whyNotWritable(program);
  if (unwritable !== undefined) return failed(unwritable);
  const build = await fetchClientBuild(servers, offered);
  if (build.kind === 'failed') return failed(build.failure);
  const failure = await replaceOwn(program, build.value, offered.version);
  if (failure !== undefined) return failed(failure);
  const sentence = `now ${what}; ${program.version} is kept as ${program.path}.previous`;
  return { exitCode: 0, outcome: 'updated', sentence };
}

function failed({ sentence, hint }: Failure): Ending {
  return { exitCode: 1, outcome: 'failed', sentence, hint };
}
