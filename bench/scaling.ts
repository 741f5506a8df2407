/** What one server was measured to take, for one of each. Microseconds are of one core; bytes are sent by the server. */
export interface Costs {
  /** An unchanged poll over a connection of its own, as cron makes it. */
  readonly pollMicroseconds: number;
  readonly pollBytes: number;
  /** A host that goes to another tag: its poll, its download of what differs, its report. */
  readonly changeMicroseconds: number;
  readonly changeBytes: number;
  /** Resident before any host has asked, and for each that has. */
  readonly startMegabytes: number;
  readonly nodeBytes: number;
}

/** A fleet of which every host asks once in the interval, at a time of its own (`--splay` as long as the interval). */
export interface Fleet {
  readonly hosts: number;
  readonly intervalSeconds: number;
}

export interface Load {
  readonly pollsPerSecond: number;
  readonly pollCores: number;
  readonly pollMegabits: number;
  /** While a tag goes to the whole fleet at once, which takes one interval. */
  readonly changeCores: number;
  readonly changeMegabits: number;
  readonly changeGigabytes: number;
  readonly memoryMegabytes: number;
}

export function loadOf({ hosts, intervalSeconds }: Fleet, costs: Costs): Load {
  const pollsPerSecond = hosts / intervalSeconds;
  return {
    pollsPerSecond,
    pollCores: (pollsPerSecond * costs.pollMicroseconds) / 1e6,
    pollMegabits: (pollsPerSecond * costs.pollBytes * 8) / 1e6,
    changeCores: (pollsPerSecond * costs.changeMicroseconds) / 1e6,
    changeMegabits: (pollsPerSecond * costs.changeBytes * 8) / 1e6,
    changeGigabytes: (hosts * costs.changeBytes) / 1e9,
    memoryMegabytes: costs.startMegabytes + (hosts * costs.nodeBytes) / 1e6,
  };
}

/** A core is not to be busier than that, so that a poll need not wait. */
export const BUSY = 0.7;
/** Of a network of 1 Gbit/s. */
export const FULL_MEGABITS = 500;
/** Beyond as many cores one machine is no longer the cheap answer, nor one the safe one. */
export const MOST_CORES = 8;

/** What a fleet needs beyond one process with nothing in front. Empty where that is enough. */
export function needsOf({ pollCores, changeCores, changeMegabits }: Load): string[] {
  const most = Math.max(pollCores, changeCores);
  const processes = Math.ceil(most / BUSY);
  return [
    ...(processes > 1 && most <= MOST_CORES ? [`workers: ${processes}`] : []),
    ...(most > MOST_CORES ? [`${Math.ceil(most / BUSY / MOST_CORES)} servers of ${MOST_CORES} cores`] : []),
    ...(changeMegabits > FULL_MEGABITS ? ['a cache for downloads'] : []),
  ];
}

export const HOSTS = [10_000, 100_000, 1_000_000] as const;
export const INTERVALS_SECONDS = [60, 300, 900] as const;

/** The table of `docs/scaling.md`, in Markdown. */
export function scalingTable(costs: Costs): string[] {
  const rows = HOSTS.flatMap((hosts) =>
    INTERVALS_SECONDS.map((intervalSeconds) => {
      const load = loadOf({ hosts, intervalSeconds }, costs);
      return [
        hosts.toLocaleString('en-US'),
        `${intervalSeconds / 60} min`,
        short(load.pollsPerSecond),
        short(load.pollCores),
        short(load.pollMegabits),
        short(load.changeCores),
        short(load.changeMegabits),
        short(load.changeGigabytes),
        short(load.memoryMegabytes),
        needsOf(load).join(', ') || 'one process',
      ];
    }),
  );
  return [HEAD, HEAD.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

const HEAD = [
  'hosts',
  'every',
  'polls/s',
  'cores',
  'Mbit/s',
  'new tag: cores',
  'Mbit/s',
  'GB a tag',
  'memory, MB',
  'what it takes',
];

/** Up to how many hosts something is enough, in Markdown. */
export function limitsTable(costs: Costs): string[] {
  const { pollMicroseconds, changeMicroseconds, changeBytes } = costs;
  const core = BUSY * 1e6;
  const limits = [
    ['one process, while nothing changes', core / pollMicroseconds],
    ['one process, while a tag goes out', core / changeMicroseconds],
    [`workers on ${MOST_CORES} cores, while a tag goes out`, (MOST_CORES * core) / changeMicroseconds],
    [`${FULL_MEGABITS} Mbit/s, while a tag goes out`, (FULL_MEGABITS * 1e6) / 8 / changeBytes],
  ] as const;
  const rows = limits.map(([what, perSecond]) => [
    what,
    short(perSecond),
    ...INTERVALS_SECONDS.map((seconds) => short(perSecond * seconds)),
  ]);
  const head = ['enough for', 'hosts/s', ...INTERVALS_SECONDS.map((seconds) => `hosts, every ${seconds / 60} min`)];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Two digits that say something: more would pretend to know. */
function short(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
