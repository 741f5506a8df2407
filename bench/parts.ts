import { measureApply } from './apply.ts';
import { applyLines } from './apply-report.ts';
import { measureAuth } from './auth.ts';
import { measureDecisions } from './decisions.ts';
import { measureFleet } from './fleet.ts';
import { measureGrowth } from './growth.ts';
import { measureHerd } from './herd.ts';
import { measureHosts } from './hosts.ts';
import { measureMark } from './mark.ts';
import { measureMemory } from './memory-use.ts';
import type { Measure } from './part.ts';
import { measureClosing, measurePolls } from './polls.ts';
import { measureQueries } from './queries.ts';
import { measureReports } from './reports.ts';
import { measureTags } from './tags.ts';
import { tagLines } from './tags-report.ts';
import { measureWorkers } from './workers.ts';

/** In the order in which they are measured. */
export const PARTS: Readonly<Record<string, Measure>> = {
  polls: measurePolls,
  close: measureClosing,
  fleet: measureFleet,
  mark: measureMark,
  decisions: measureDecisions,
  workers: measureWorkers,
  auth: measureAuth,
  tags: async (bench) => {
    const figures = await measureTags(bench);
    return { lines: tagLines(figures, bench.fileSystem), figures };
  },
  hosts: measureHosts,
  reports: measureReports,
  queries: measureQueries,
  memory: measureMemory,
  growth: measureGrowth,
  herd: measureHerd,
  apply: async (bench) => {
    const figures = await measureApply(bench);
    return { lines: applyLines(figures, bench.fileSystem), figures };
  },
};
