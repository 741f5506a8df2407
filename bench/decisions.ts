import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Hostname, tagNameOf } from '../protocol/names.ts';
import { textTable as table } from '../server/cli/table.ts';
import { compose } from '../server/compose.ts';
import { answer, followEpoch } from '../server/operations/answer.ts';
import type { Context } from '../server/operations/context.ts';
import { openFleet } from '../server/operations/fleet.ts';
import type { Journal } from '../server/operations/journal.ts';
import type { Log } from '../server/ports/common.ts';
import { FLEET, GROUPS, hostNames, makeBase } from './base.ts';
import { type Figure, figureOf, shown } from './figure.ts';
import type { Bench, Measured } from './part.ts';
import { aim } from './report.ts';
import { slopeOf } from './slope.ts';

const SIZES = [10_000, 100_000, 1_000_000];
const ROUNDS = 5;
const MOST_MS = 1_000;

interface Size {
  readonly nodes: number;
  /** Processor time of the process, from the mark to the last node's new answer. */
  readonly cpuMs: Figure;
  /** How many nodes then had another answer. */
  readonly moved: number;
  readonly bytesPerNode: number;
}

/** What it takes until a mark is in the answer of every node of a fleet, none of which has to ask for that. */
export async function measureDecisions(bench: Bench): Promise<Measured> {
  const sizes: Size[] = [];
  for (const nodes of bench.isQuick ? SIZES.slice(0, 1) : SIZES) {
    bench.progress(`a mark that ${nodes} nodes are decided again for`);
    sizes.push(await measureSize(bench, nodes));
  }
  const rows = sizes.map(({ nodes, cpuMs, moved, bytesPerNode }) => [
    nodes.toLocaleString('en-US'),
    shown(cpuMs, ' ms'),
    moved.toLocaleString('en-US'),
    `${bytesPerNode.toFixed(0)} bytes`,
  ]);
  const largest = sizes.at(-1);
  const slope = slopeOf(sizes.map(({ nodes, cpuMs }) => ({ size: nodes, cost: cpuMs.median })));
  return {
    lines: [
      '',
      `A mark decides the fleet again: ${FLEET.tags} tags, ${GROUPS} groups, several waves, in one process`,
      `Processor time, median (min–max) of ${ROUNDS} marks; memory is what the heap grew by as the nodes asked`,
      '',
      table(['nodes', 'CPU', 'told something else', 'memory a node'], rows),
      '',
      ...(slope === undefined ? [] : [`It grows with the ${slope.toFixed(2)}th power of the number of nodes`]),
      ...(largest === undefined
        ? []
        : [
            aim(
              `${largest.nodes.toLocaleString('en-US')} nodes decided again in under a second of CPU`,
              largest.cpuMs.median < MOST_MS,
              shown(largest.cpuMs, ' ms'),
            ),
          ]),
    ],
    figures: sizes,
  };
}

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const NOWHERE: Journal = { add: () => undefined, write: () => undefined, flush: async () => undefined };

async function measureSize(bench: Bench, nodes: number): Promise<Size> {
  const base = await makeBase(bench, `decisions-${nodes}`, FLEET);
  const composed = await compose({ base, env: {}, flags: { settle_seconds: 0 }, role: 'worker', log: quiet });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const { context } = composed.app;
  // What is written to the history has its own measurement.
  const ports = { store: context.store, journal: NOWHERE, onHandedOut: () => undefined };
  const fleet = await openFleet({ ...ports, mostNodes: () => nodes });
  const crowd: Context = { ...context, fleet };
  const before = heapUsed();
  for (const hostname of hostNames(nodes, 'fleet') as Hostname[]) await ask(crowd, hostname);
  await fleet.flush();
  const bytesPerNode = (heapUsed() - before) / nodes;
  // As a server does when it starts: whose nodes are of which kind.
  await followEpoch(crowd);
  const samples: number[] = [];
  let moved = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const told = [...fleet.seats()].map((seat) => seat.told?.tag);
    const hour = Math.floor(context.time.now() / 3_600_000) - 5 - round;
    const cpu = process.cpuUsage();
    await appendFile(join(base, 'tagstate'), `${tagNameOf(hour)} bad\n${tagNameOf(hour + 1)} bad\n`);
    context.desk.lookAgain();
    await turn();
    await followEpoch(crowd);
    const { user, system } = process.cpuUsage(cpu);
    samples.push((user + system) / 1000);
    moved = 0;
    let at = 0;
    for (const seat of fleet.seats()) {
      const standing = crowd.standing.of(seat);
      if (standing === undefined) throw new Error(`${seat.hostname} has no answer after the mark`);
      if (standing.told.tag !== told[at++]) moved++;
    }
  }
  await composed.app.close();
  return { nodes, cpuMs: figureOf(samples), moved, bytesPerNode };
}

async function ask(context: Context, hostname: Hostname): Promise<void> {
  const found = await answer(context, { hostname });
  if (found.kind !== 'serve') throw new Error(`${hostname} is not served: ${found.kind}`);
  context.fleet.note({ hostname, at: context.time.now(), running: found.view.digest, told: found.told });
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
