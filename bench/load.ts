import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import * as z from 'zod';

export const CONNECTIONS = 64;
/** A machine that is busy with something else answers late, which is no failure. */
const TIMEOUT_SECONDS = 10;

/** Asks as often as it can, over connections that stay open. */
export interface Load {
  readonly tool: 'wrk' | 'autocannon';
  /** So many ask in turn, as a fleet does. */
  readonly hosts: number;
  burst(target: Target, seconds: number): Promise<Burst>;
}

export interface Target {
  readonly url: string;
  /** For `If-None-Match`. */
  readonly etag: string;
}

export interface Burst {
  readonly requests: number;
  readonly seconds: number;
  /** Of the requests, those that were not answered 304 in time. */
  readonly failed: number;
}

/** wrk where it is installed: it takes less of the processor away from the server. `work` gets its script. */
export async function findLoad(work: string): Promise<Load> {
  // It has no option that does nothing: the usage comes with a failure.
  const wrk = await execa('wrk', ['--version'], { reject: false });
  return wrk.code === 'ENOENT' ? autocannon(work) : wrkLoad(work);
}

const pathOf = (number: number | string) => `/v1/nodes/web${number}.example.com`;

const WRK_HOSTS = 1000;
const WRK_SCRIPT = `local paths, at = {}, 0
init = function()
  for number = 1, ${WRK_HOSTS} do paths[number] = wrk.format('GET', '${pathOf("' .. number .. '")}') end
end
request = function()
  at = at % #paths + 1
  return paths[at]
end
done = function(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{"requests":%d,"microseconds":%d,"failed":%d}', summary.requests, summary.duration, failed))
end
`;

const wrkSummary = z.object({ requests: z.number(), microseconds: z.number(), failed: z.number() });

async function wrkLoad(work: string): Promise<Load> {
  const script = join(work, 'polls.lua');
  await writeFile(script, WRK_SCRIPT);
  return {
    tool: 'wrk',
    hosts: WRK_HOSTS,
    async burst({ url, etag }, seconds) {
      const how = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`];
      const what = ['--timeout', `${TIMEOUT_SECONDS}s`, '--header', `If-None-Match: ${etag}`, '--script', script];
      const args = [...how, ...what, url];
      const { stdout } = await execa('wrk', args, { timeout: (seconds + 20) * 1000 });
      const { requests, microseconds, failed } = wrkSummary.parse(JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))));
      return { requests, seconds: microseconds / 1_000_000, failed };
    },
  };
}

/** Each connection makes all requests before it begins. */
const AUTOCANNON_HOSTS = 25;

const autocannonSummary = z.object({
  requests: z.object({ total: z.number() }),
  duration: z.number(),
  errors: z.number(),
  '2xx': z.number(),
  '4xx': z.number(),
  '5xx': z.number(),
});

/** In a process of its own, too; the hosts to ask for come in a file. */
function autocannon(work: string): Load {
  const program = fileURLToPath(import.meta.resolve('autocannon'));
  const requests = join(work, 'polls.har');
  return {
    tool: 'autocannon',
    hosts: AUTOCANNON_HOSTS,
    async burst({ url, etag }, seconds) {
      const headers = [{ name: 'If-None-Match', value: etag }];
      const entries = Array.from({ length: AUTOCANNON_HOSTS }, (_, number) => ({
        request: { method: 'GET', url: `${url}${pathOf(number + 1)}`, headers },
      }));
      await writeFile(requests, JSON.stringify({ log: { entries } }));
      const how = ['--connections', String(CONNECTIONS), '--duration', String(seconds)];
      const what = ['--timeout', String(TIMEOUT_SECONDS), '--har', requests, '--json', '--no-progress'];
      const args = [program, ...how, ...what, url];
      const { stdout } = await execa(process.execPath, args, { timeout: (seconds + 20) * 1000 });
      const summary = autocannonSummary.parse(JSON.parse(stdout));
      const failed = summary.errors + summary['2xx'] + summary['4xx'] + summary['5xx'];
      return { requests: summary.requests.total, seconds: summary.duration, failed };
    },
  };
}
