import { FLEET, GROUPS, hostNames } from './base.ts';
import { compare, perCore, ratioOf } from './compare.ts';
import { comparedLines } from './compare-report.ts';
import { makeCrowd } from './crowd.ts';
import { shown } from './figure.ts';
import { findLoad } from './load.ts';
import type { Bench, Measured } from './part.ts';
import { aim } from './report.ts';
import { startTagwave, withServers } from './servers.ts';

const FEW = 10;
const MANY = 100_000;
const ROUNDS = 8;

/** Whether a poll costs more where many hosts are known: the same base twice, and every host of it has asked before. */
export async function measureFleet(bench: Bench): Promise<Measured> {
  const load = await findLoad(bench);
  const many = bench.isQuick ? MANY / 20 : MANY;
  const starting = [startTagwave(bench, 'fleet-few', FLEET), startTagwave(bench, 'fleet-many', FLEET)] as const;
  return withServers(starting, async (servers) => {
    const [few, all] = [titleOf(FEW), titleOf(many)];
    // The few ask as often: what the generator has to read through is the same.
    const some = hostNames(FEW, 'fleet');
    const hosts = [
      Array.from({ length: many }, (_, index) => some[index % FEW] ?? ''),
      hostNames(many, 'fleet'),
    ] as const;
    const crowds = [
      await makeCrowd(bench, servers[0], { name: 'few', hosts: hosts[0] }),
      await makeCrowd(bench, servers[1], { name: 'many', hosts: hosts[1] }),
    ] as const;
    for (const crowd of crowds) {
      bench.progress(`${crowd.lines} polls, so that the fleet is known`);
      await crowd.learn();
    }
    const subjects = [
      { title: few, server: servers[0], crowd: crowds[0] },
      { title: all, server: servers[1], crowd: crowds[1] },
    ];
    const how = { load, close: false, rounds: bench.isQuick ? 2 : ROUNDS, seconds: 1, progress: bench.progress };
    const compared = await compare(subjects, how);
    const speed = ratioOf(compared, 'pollsPerSecond', [all, few]);
    const core = perCore(compared, [all, few]);
    const found = `${shown(core)} × per core, ${shown(speed)} × a second`;
    return {
      lines: [
        ...comparedLines(compared, {
          title: `Unchanged polls in random order, ${FLEET.tags} tags, ${GROUPS} groups, several waves`,
          peers: [{ title: few, column: few }],
          tool: load.tool,
        }),
        aim(`polls with ${all}, per core at least 0.9 × those with ${few}`, core.median >= 0.9, found),
      ],
      figures: { tool: load.tool, ...compared },
    };
  });
}

function titleOf(hosts: number): string {
  return `${hosts.toLocaleString('en-US')} known nodes`;
}
