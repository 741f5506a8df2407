import type { Problem } from '../core/problem.ts';
import { count } from '../core/wording.ts';
import type { Context } from './context.ts';
import { worldNow } from './world.ts';

const WITHOUT = { nodetagger: 'nodetagger: schedule', nodegrouper: 'nodegrouper: none' } as const;
type Name = keyof typeof WITHOUT;

/** The site's programs that cannot be run, and those that failed for hosts which hold because of it. */
export function programProblems(context: Context): Problem[] {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return [];
  const silentAfter = ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  const since = ready.world.now - silentAfter;
  return (['nodetagger', 'nodegrouper'] as const).flatMap((name) => problemsOf(context, name, since));
}

/** `since`: hosts that have not asked since then are not spoken of. */
function problemsOf({ programs, fleet }: Context, name: Name, since: number): Problem[] {
  const state = programs[name]();
  if (state.kind === 'none') return [];
  if (state.kind === 'unusable')
    return [
      {
        id: `${name}:unusable`,
        severity: 'error',
        sentence: `every host that needs the ${name} keeps what it has: ${state.why}`,
        hint: `repair it, or write "${WITHOUT[name]}" in server.yml`,
      },
    ];
  const holding = [...fleet.failedBy(name)].filter(({ lastSeen }) => lastSeen >= since);
  const [first] = holding;
  if (first === undefined) return [];
  const reason = first.told?.reasons.find((step) => step.startsWith(`the ${name} failed`)) ?? `the ${name} failed`;
  return [
    {
      id: `${name}:failed`,
      severity: 'error',
      sentence: `${count(holding.length, 'host')} (${first.hostname}${holding.length > 1 ? ' and others' : ''}) cannot be told what to have: ${reason}`,
      hint: `run "${state.path} ${first.hostname}" in the base directory; "${WITHOUT[name]}" in server.yml does without it`,
    },
  ];
}
