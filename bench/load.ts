import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as z from 'zod';
import { openEndedCpuTime } from './cpu-time.ts';
import { type Generating, generate } from './generator.ts';

export const CONNECTIONS = 64;
/** A machine that is busy with something else answers late, which is no failure. */
const TIMEOUT_SECONDS = 10;

/** Asks as often as it can, over so many connections at once. */
export interface Load {
  readonly tool: 'wrk' | 'our own';
  burst(target: Target, seconds: number): Promise<Burst>;
}

export interface Target {
  readonly url: string;
  /** Lines of a path, the entity tag for `If-None-Match` and, where there is one, a token. */
  readonly asks: string;
  readonly lines: number;
  /** A connection for each poll, as hosts have it that ask from cron. */
  readonly close: boolean;
}

export interface Burst {
  readonly requests: number;
  readonly seconds: number;
  /** Of the requests, those that were not answered, or with an error. */
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of the generator: how much of one core it took. */
  readonly cores: number;
}

/** wrk where it is installed: it takes less of the processor away from the server. `work` gets its script. */
export async function findLoad(at: Generating): Promise<Load> {
  // It has no option that does nothing: the usage comes with a failure.
  const wrk = await execa('wrk', ['--version'], { reject: false });
  const isMissing = wrk.code === 'ENOENT';
  const burst = isMissing ? ownLoad(at) : await wrkLoad(at.work);
  const endedCpuTime = await openEndedCpuTime();
  return {
    tool: isMissing ? 'our own' : 'wrk',
    async burst(target, seconds) {
      const cpuBefore = await endedCpuTime();
      const openedBefore = await connectionsOpened();
      const taken = await burst(target, seconds);
      const opened = (await connectionsOpened()) - openedBefore;
      if (target.close && opened < taken.requests * 0.9)
        throw new Error(`only ${opened} connections were opened for ${taken.requests} polls`);
      return { ...taken, cores: ((await endedCpuTime()) - cpuBefore) / taken.seconds };
    },
  };
}

type Taken = Omit<Burst, 'cores'>;
type TakeBurst = (target: Target, seconds: number) => Promise<Taken>;

const WRK_SCRIPT = `local asks, at = {}, 0
init = function(args)
  for line in io.lines(args[1]) do
    local path, etag, token = line:match('^(%S+) (%S+) ?(%S*)$')
    local headers = { ['If-None-Match'] = etag }
    if token ~= '' then headers['Authorization'] = 'Bearer ' .. token end
    if args[3] == 'close' then headers['Connection'] = 'close' end
    asks[#asks + 1] = wrk.format('GET', path, headers)
  end
  at = tonumber(args[2])
end
request = function()
  at = at % #asks + 1
  return asks[at]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local p50, p99 = latency:percentile(50), latency:percentile(99)
  io.write(string.format('\\n{"requests":%d,"microseconds":%d,"failed":%d,"p50Us":%d,"p99Us":%d}',
    summary.requests, summary.duration, failed, p50, p99))
end
`;

const wrkSummary = z.object({
  requests: z.number(),
  microseconds: z.number(),
  failed: z.number(),
  p50Us: z.number(),
  p99Us: z.number(),
});

async function wrkLoad(work: string): Promise<TakeBurst> {
  const script = join(work, 'polls.lua');
  await writeFile(script, WRK_SCRIPT);
  return async ({ url, asks, lines, close }, seconds) => {
    const how = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`];
    const what = ['--timeout', `${TIMEOUT_SECONDS}s`, '--script', script, url];
    const own = ['--', asks, String(someLine(lines)), close ? 'close' : 'keep'];
    const { stdout } = await execa('wrk', [...how, ...what, ...own], { timeout: (seconds + 20) * 1000 });
    const { microseconds, ...taken } = wrkSummary.parse(JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))));
    return { ...taken, seconds: microseconds / 1_000_000 };
  };
}

function ownLoad(at: Generating): TakeBurst {
  return async ({ url, asks, lines, close }, seconds) => {
    const how = { connections: CONNECTIONS, close, start: someLine(lines), seconds, learn: false, keep: false };
    const { byStatus, broken, p50Us, p99Us, ...taken } = await generate(at, 'polls', { url, asks, ...how });
    const requests = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
    return { requests, seconds: taken.seconds, failed: broken + requests - (byStatus['304'] ?? 0), p50Us, p99Us };
  };
}

/** Every burst begins elsewhere, so that a large fleet is asked for from all of its ends. */
function someLine(lines: number): number {
  return Math.floor(Math.random() * lines);
}

/** Since the machine started: a generator that only says that it connects anew is found out. */
async function connectionsOpened(): Promise<number> {
  const [names, values] = (await readFile('/proc/net/snmp', 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'));
  return Number(values?.split(' ')[names?.split(' ').indexOf('ActiveOpens') ?? -1]);
}
