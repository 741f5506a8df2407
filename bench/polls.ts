import { hostNames, PLAIN } from './base.ts';
import { type Compared, compare, perCore, ratioOf } from './compare.ts';
import { comparedLines } from './compare-report.ts';
import { likeCrowd, makeCrowd } from './crowd.ts';
import { isInstalled, startNginx } from './daemons.ts';
import { shown } from './figure.ts';
import { findLoad } from './load.ts';
import type { Bench, Measured } from './part.ts';
import { aim, notMeasured } from './report.ts';
import { startTagwave, startYardstick, withServers } from './servers.ts';
import { ETAG } from './yardsticks.ts';

const HOSTS = 1000;
const TAGWAVE = 'Tagwave';
const NODE = 'bare node:http';
const EXPRESS = 'bare Express';
const NGINX = 'nginx';
/** As little as it can do for the same answer. */
const NGINX_304 = `location / { if ($http_if_none_match = '${ETAG}') { return 304; } add_header ETag '${ETAG}'; return 200; }`;

const PEERS = [
  { title: NODE, column: 'node:http' },
  { title: NGINX, column: 'nginx' },
  { title: EXPRESS, column: 'express' },
];

/** Unchanged polls over connections that stay open, as `tagwave watch` and proxies keep them. */
export function measurePolls(bench: Bench): Promise<Measured> {
  return measure(bench, {
    close: false,
    title: `Unchanged polls, connections kept alive, ${HOSTS} hosts of one wave`,
    aims: (compared) => [atLeast(compared, 0.8, 'unchanged polls, kept alive')],
  });
}

/** The same, a connection for each, as hosts ask that poll from cron. */
export function measureClosing(bench: Bench): Promise<Measured> {
  return measure(bench, {
    close: true,
    title: `Unchanged polls, a connection for each, ${HOSTS} hosts of one wave`,
    aims: (compared) => [atLeast(compared, 0.85, 'unchanged polls, Connection: close')],
  });
}

interface Way {
  readonly close: boolean;
  readonly title: string;
  aims(compared: Compared): readonly string[];
}

const ROUNDS = 8;

async function measure(bench: Bench, { close, title, aims }: Way): Promise<Measured> {
  const load = await findLoad(bench);
  const hasNginx = await isInstalled('nginx');
  const starting = [
    startTagwave(bench, `polls-${close ? 'close' : 'alive'}`, PLAIN),
    startYardstick(bench.dist, 'node'),
    startYardstick(bench.dist, 'express'),
    ...(hasNginx ? [startNginx(bench.work, `nginx-${close ? 'close' : 'alive'}`, NGINX_304)] : []),
  ] as const;
  return withServers(starting, async ([tagwave, node, express, nginx]) => {
    const crowd = await makeCrowd(bench, tagwave, { name: 'polls', hosts: hostNames(HOSTS, 'plain') });
    await crowd.learn();
    const like = await likeCrowd(crowd, ETAG);
    const subjects = [
      { title: TAGWAVE, server: tagwave, crowd },
      { title: NODE, server: node, crowd: like },
      ...(nginx === undefined ? [] : [{ title: NGINX, server: nginx, crowd: like }]),
      { title: EXPRESS, server: express, crowd: like },
    ];
    const how = { load, close, rounds: bench.isQuick ? 2 : ROUNDS, seconds: 1, progress: bench.progress };
    const compared = await compare(subjects, how);
    const lines = [
      ...comparedLines(compared, { title, peers: PEERS, tool: load.tool }),
      ...(hasNginx ? [] : [notMeasured('nginx', 'nginx is not installed')]),
      ...aims(compared),
    ];
    return { lines, figures: { tool: load.tool, ...compared } };
  });
}

function atLeast(compared: Compared, least: number, what: string): string {
  const speed = ratioOf(compared, 'pollsPerSecond', [TAGWAVE, NODE]);
  const core = perCore(compared, [TAGWAVE, NODE]);
  const found = `${shown(core)} × per core, ${shown(speed)} × a second`;
  return aim(`${what}, per core at least ${least} × bare node:http`, core.median >= least, found);
}
