import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { floorHour } from '../protocol/names.ts';
import { type Generating, generate } from './generator.ts';
import { askLine } from './poll-job.ts';
import type { Server } from './servers.ts';

/** The hosts that ask a server, each with the entity tag of what it was answered last. */
export interface Crowd {
  readonly file: string;
  readonly lines: number;
  /** Has every host ask for what it does not know yet. Each must get an assignment. */
  learn(): Promise<void>;
  /** Whether the hour, and with it the tags, is still that in which it learned. */
  isOfNow(): boolean;
}

export interface CrowdOptions {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Of each host that has to show one. */
  readonly tokens?: ReadonlyMap<string, string>;
}

const LEARNING_CONNECTIONS = 32;

/** They ask in an order that has nothing to do with their names, the same in every run. */
export async function makeCrowd(at: Generating, server: Server, { name, hosts, tokens }: CrowdOptions): Promise<Crowd> {
  const file = join(at.work, `${name}.asks`);
  const lines = shuffled(hosts).map(
    (host) => `${askLine({ path: `/v1/nodes/${host}`, token: tokens?.get(host) ?? '' })}\n`,
  );
  await writeFile(file, lines.join(''));
  const { url } = server;
  let hour = 0;
  return {
    file,
    lines: hosts.length,
    isOfNow: () => hour === floorHour(Date.now()),
    async learn() {
      hour = floorHour(Date.now());
      const how = { connections: LEARNING_CONNECTIONS, close: false, start: 0, seconds: null };
      const taken = await generate(at, 'polls', { url, asks: file, ...how, learn: true, keep: false });
      const { 200: served = 0, 304: unchanged = 0 } = taken.byStatus;
      if (served + unchanged !== hosts.length)
        throw new Error(`not every host of ${hosts.length} got an assignment: ${JSON.stringify(taken.byStatus)}`);
    },
  };
}

/** For a yardstick, which answers all of them the same. */
export async function likeCrowd(crowd: Crowd, etag: string): Promise<Crowd> {
  const file = `${crowd.file}.yardstick`;
  const lines = (await readFile(crowd.file, 'utf8')).trimEnd().split('\n');
  await writeFile(file, lines.map((line) => `${line.split(' ')[0]} ${etag}\n`).join(''));
  return { file, lines: crowd.lines, isOfNow: () => true, learn: async () => undefined };
}

function shuffled<Each>(all: readonly Each[]): Each[] {
  const mixed = [...all];
  let seed = 1;
  for (let last = mixed.length - 1; last > 0; last--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const other = seed % (last + 1);
    [mixed[last], mixed[other]] = [mixed[other] as Each, mixed[last] as Each];
  }
  return mixed;
}
