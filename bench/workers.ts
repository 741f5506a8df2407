import { hostNames, PLAIN } from './base.ts';
import { compare, figureOfSubject, ratioOf } from './compare.ts';
import { comparedLines } from './compare-report.ts';
import { makeCrowd } from './crowd.ts';
import { shown } from './figure.ts';
import { findLoad } from './load.ts';
import type { Bench, Measured } from './part.ts';
import { aim } from './report.ts';
import { startTagwave, withServers } from './servers.ts';

const HOSTS = 1000;
const ROUNDS = 8;
const MOST_TIMES = 1.15;
const ONE = 'one process';
const TWO = 'two workers';

/** What it costs to answer with several processes. On two cores, the load generator takes away what the second could win. */
export function measureWorkers(bench: Bench): Promise<Measured> {
  const starting = [
    startTagwave(bench, 'workers-one', PLAIN),
    startTagwave(bench, 'workers-two', { ...PLAIN, variables: { TAGWAVE_WORKERS: '2' } }),
  ] as const;
  return withServers(starting, async ([one, two]) => {
    const load = await findLoad(bench);
    const hosts = hostNames(HOSTS, 'plain');
    const subjects = [
      { title: ONE, server: one, crowd: await makeCrowd(bench, one, { name: 'one', hosts }) },
      { title: TWO, server: two, crowd: await makeCrowd(bench, two, { name: 'two', hosts }) },
    ];
    const how = { load, close: false, rounds: bench.isQuick ? 2 : ROUNDS, seconds: 1, progress: bench.progress };
    const compared = await compare(subjects, how);
    const cpu = ratioOf(compared, 'cpuMicroseconds', [TWO, ONE]);
    const busy = figureOfSubject(compared, TWO, 'loadCores');
    const found = `${shown(cpu)} × its CPU a poll; the generator took ${(100 * busy.median).toFixed(0)} % of a core beside them`;
    return {
      lines: [
        ...comparedLines(compared, {
          title: `Unchanged polls, connections kept alive, ${HOSTS} hosts of one wave, answered by one process and by workers`,
          peers: [{ title: ONE, column: ONE }],
          tool: load.tool,
        }),
        aim(`two workers, at most ${MOST_TIMES} × the CPU a poll of one`, cpu.median <= MOST_TIMES, found),
      ],
      figures: { tool: load.tool, ...compared },
    };
  });
}
