import { textTable as table } from '../server/cli/table.ts';
import type { ApplyFigures, ApplyRound, Served } from './apply.ts';
import { figureBy, shown } from './figure.ts';
import { aim, counted } from './report.ts';
import type { Timed } from './timed.ts';

/** Wall time less Node's own start, which no release makes longer or shorter. */
const freshMs = ({ fresh, node }: ApplyRound) => fresh.tagwave.wallMs - node.wallMs;
const timesRsync = (round: ApplyRound) => freshMs(round) / round.fresh.rsync.wallMs;
const changeCpu = ({ change }: ApplyRound) => allCpu(change.tagwave) / change.rsync.cpuMs;
const nothingCpu = ({ nothing }: ApplyRound) => allCpu(nothing.tagwave) / allCpu(nothing.rsync);
const nothingCpuLessStart = ({ nothing, node }: ApplyRound) =>
  (allCpu(nothing.tagwave) - node.cpuMs) / allCpu(nothing.rsync);
/** What a run without changes costs, told in Node's own starts. */
const startsOfNothing = ({ nothing, node }: ApplyRound) => nothing.tagwave.cpuMs / node.cpuMs;
const startsOfVersion = ({ start, node }: ApplyRound) => start.version.cpuMs / node.cpuMs;
/** Of what such a run costs beyond Node's own start. */
const understoodShare = ({ nothing, node, start }: ApplyRound) =>
  (100 * (start.understood.cpuMs - node.cpuMs)) / (nothing.tagwave.cpuMs - node.cpuMs);
const changeCpuLessStart = ({ change, node }: ApplyRound) => (allCpu(change.tagwave) - node.cpuMs) / change.rsync.cpuMs;

export function applyLines({ files, rounds }: ApplyFigures, fileSystem: string): string[] {
  const row = (title: string, of: (round: ApplyRound) => Timed & Partial<Served>) => [
    title,
    shown(
      figureBy(rounds, (round) => of(round).wallMs),
      ' ms',
    ),
    shown(
      figureBy(rounds, (round) => of(round).cpuMs),
      ' ms',
    ),
    rounds.some((round) => of(round).serverCpuMs !== undefined)
      ? shown(
          figureBy(rounds, (round) => of(round).serverCpuMs ?? 0),
          ' ms',
        )
      : '',
  ];
  const fresh = figureBy(rounds, timesRsync);
  const change = figureBy(rounds, changeCpu);
  const nothing = figureBy(rounds, nothingCpu);
  const lessStart = (of: (round: ApplyRound) => number) => `less Node's start ${shown(figureBy(rounds, of))}`;
  return [
    '',
    `A host of ${counted(files)}, 40 MB, on ${fileSystem}: all of them, ten that changed, and nothing new`,
    `Median (min–max) of ${rounds.length} rounds, one after the other; CPU is user and system time, the server's apart;`,
    'nothing new: a few runs after the last change, as most runs are',
    '',
    table(
      ['', 'wall', 'CPU', 'CPU of the server'],
      [
        row('Node, doing nothing', ({ node }) => node),
        row('node --check tagwave.cjs', ({ start }) => start.understood),
        row('tagwave --version', ({ start }) => start.version),
        row('fresh: tagwave poll', (round) => round.fresh.tagwave),
        row('  rsync -a', (round) => round.fresh.rsync),
        row('  tar -x', (round) => round.fresh.tar),
        row('10 files changed: tagwave poll', (round) => round.change.tagwave),
        row('  rsync -a --delete', (round) => round.change.rsync),
        row('nothing new: tagwave poll', (round) => round.nothing.tagwave),
        row('  rsync -a --delete from a daemon', (round) => round.nothing.rsync),
        row('  git fetch from a daemon', (round) => round.nothing.git),
      ],
    ),
    '',
    aim("fresh, less Node's start, no slower than rsync -a", fresh.median <= 1, `${shown(fresh)} × its time`),
    aim(
      'ten files, no more CPU than rsync -a',
      change.median <= 1,
      `${shown(change)} × its CPU, ${lessStart(changeCpuLessStart)}`,
    ),
    aim(
      'nothing new, no more CPU than rsync -a',
      nothing.median <= 1,
      `${shown(nothing)} × its CPU, ${lessStart(nothingCpuLessStart)}`,
    ),
    '',
    `Start-up: nothing new is ${shown(figureBy(rounds, startsOfNothing))} × the CPU of Node doing nothing, --version ${shown(figureBy(rounds, startsOfVersion))} ×;`,
    `of what it costs beyond that, to read the client's code is ${shown(figureBy(rounds, understoodShare), ' %')}`,
  ];
}

function allCpu({ cpuMs, serverCpuMs }: Served): number {
  return cpuMs + serverCpuMs;
}
