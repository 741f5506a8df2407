import { type Hostname, parseTagName } from '../../protocol/names.ts';
import { NODE_GROUPS_RULES, NODES_RULES } from '../core/control-rules.ts';
import { decideBySchedule } from '../core/decide.ts';
import type { EtchFound, FoundFile } from '../core/etch/found.ts';
import { readHours } from '../core/etch/hours.ts';
import type { ImportPlan } from '../core/etch/plan.ts';
import { groupsOf } from '../core/groups.ts';
import { groupByTag } from '../core/marks.ts';
import { environmentsOf, waveOf } from '../core/schedule.ts';
import type { FileRules } from '../core/settle.ts';
import { parseTagstate } from '../core/tagstate.ts';
import { oneLine } from '../core/wording.ts';
import type { EtchDirectory } from '../ports/etch.ts';

export type Compared =
  /** Its own nodetagger decides, or there is none, or no host is known to ask about. */
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'impossible'; readonly why: string }
  | { readonly kind: 'same'; readonly nodes: readonly string[] }
  | { readonly kind: 'differs'; readonly why: string };

interface Comparison {
  readonly etch: EtchDirectory;
  readonly found: EtchFound;
  readonly plan: ImportPlan;
  readonly now: number;
}

/** So many hosts at most: one of each kind is what counts. */
const MOST_ASKED = 40;

/** Whether the schedule that was read from a nodetagger gives what the nodetagger itself gives, host by host. */
export async function compareWithEtch(comparison: Comparison): Promise<Compared> {
  const { etch, found, plan } = comparison;
  const { nodetagger } = found.files;
  if (nodetagger.kind !== 'file') return { kind: 'none', why: 'etch has no nodetagger' };
  const read = readHours(nodetagger.text);
  if (read.kind !== 'read') return { kind: 'none', why: 'its own nodetagger goes on deciding' };
  const hosts = await hostsToAsk(comparison);
  if (!Array.isArray(hosts)) return { kind: 'differs', why: hosts.failed };
  const known = new Set(hosts.flatMap(({ groups }) => groups));
  if (read.hours.rungs.length > 0 && !read.hours.rungs.some(({ groups }) => groups.some((group) => known.has(group))))
    return {
      kind: 'differs',
      why: 'no host is in any of the groups that it goes by, so that they must come from elsewhere',
    };
  const same: string[] = [];
  let failure: string | undefined;
  let answers = 0;
  for (const { hostname, groups } of hosts) {
    const expected = expectedOf(plan, found, { hostname, groups, now: comparison.now });
    const answer = await etch.askNodetagger(hostname);
    if ('failed' in answer) {
      failure = oneLine(answer.failed);
      // Where it has nothing to give, it fails by design.
      if (expected !== null) return impossible(failure);
    } else {
      answers++;
      const theirs = answer.text === 'trunk' ? 'trunk' : (parseTagName(answer.text) ?? answer.text);
      if (theirs !== expected) return differs(hostname, theirs, expected);
    }
    same.push(hostname);
  }
  return failure !== undefined && answers === 0 ? impossible(failure) : { kind: 'same', nodes: same };
}

function impossible(failure: string): Compared {
  return { kind: 'impossible', why: `its nodetagger does not run here: ${failure}` };
}

function differs(hostname: Hostname, theirs: string, expected: string | null): Compared {
  const ours = expected ?? 'nothing';
  return {
    kind: 'differs',
    why: `it gives ${hostname} ${oneLine(theirs) || 'nothing'}, and a schedule with its hours ${ours}`,
  };
}

interface Host {
  readonly hostname: Hostname;
  readonly groups: readonly string[];
}

/** One host of each combination of groups. */
async function hostsToAsk({ etch, found, plan }: Comparison): Promise<Host[] | { readonly failed: string }> {
  const nodes = meaningOf(found.files['nodes.yml'], NODES_RULES);
  const nodeGroups = meaningOf(found.files['nodegroups.yml'], NODE_GROUPS_RULES);
  const asksGrouper = plan.files.some(({ name }) => name === 'nodegrouper');
  const kinds = new Map<string, Host>();
  for (const hostname of nodes.exact.keys()) {
    if (kinds.size >= MOST_ASKED) break;
    const grouper = asksGrouper ? await etch.askNodegrouper(hostname) : { groups: [] };
    if ('failed' in grouper)
      return {
        failed: `the groups of hosts are not known, because the nodegrouper does not run here: ${oneLine(grouper.failed)}`,
      };
    const groups = groupsOf({ nodes, nodeGroups, hostname, grouper: grouper.groups });
    const kind = [...groups].sort().join('\n');
    if (!kinds.has(kind)) kinds.set(kind, { hostname, groups });
  }
  return [...kinds.values()];
}

function meaningOf<Meaning>(file: FoundFile, rules: FileRules<Meaning>): Meaning {
  const parsed = file.kind === 'file' && !rules.isEmpty(file.text) ? rules.parse(file.text) : undefined;
  return parsed?.ok === true ? parsed.value : rules.absent;
}

function expectedOf(
  plan: ImportPlan,
  found: EtchFound,
  { hostname, groups, now }: Host & { readonly now: number },
): string | null {
  const { tagstate } = found.files;
  const base = groupByTag(tagstate.kind === 'file' ? parseTagstate(tagstate.text, 'tagstate').lines : []);
  const decision = decideBySchedule({
    now,
    tags: plan.tags.map(({ name, hour }) => ({ name, hour, broken: null })),
    marks: { base, repository: new Map(), environments: environmentsOf(plan.schedule) },
    wave: waveOf(plan.schedule, hostname, groups),
  });
  return decision.outcome === 'serve' ? decision.tag : null;
}
