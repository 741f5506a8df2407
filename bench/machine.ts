import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { execa } from 'execa';
import type { WorkDirectory } from './work-directory.ts';

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly git: string;
  readonly fileSystem: string;
  /** Over the last minute, before the run. */
  readonly load: number;
  /** The same for people. */
  readonly lines: readonly string[];
}

/** What the figures depend on. */
export async function machineFacts({ fileSystem }: WorkDirectory): Promise<Machine> {
  const git = (await execa('git', ['--version'])).stdout.replace('git version ', '');
  const facts = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'an unknown processor',
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.versions.node,
    git,
    fileSystem,
    load: loadavg()[0] ?? 0,
  };
  const { cores, processor, memoryGib, kernel, node, load } = facts;
  const lines = [
    `${cores} cores (${processor}), ${memoryGib} GiB, Linux ${kernel}, files on ${fileSystem}`,
    `Node ${node}, git ${git}, load average ${load.toFixed(2)}`,
  ];
  return { ...facts, lines };
}

/** Load generator and server want a core each. */
const QUIET_PER_CORE = 0.25;

export function warningOf({ load, cores }: Machine): string[] {
  if (load <= cores * QUIET_PER_CORE) return [];
  return [
    `Warning: something else keeps this machine busy (load average ${load.toFixed(2)}): compare ratios, trust no absolute figure, and run it again when it is quiet.`,
  ];
}
