import type { Target } from './target.ts';
import { archives } from './targets/archives.ts';
import { killswitch, pins, tagstate } from './targets/controls.ts';
import { names } from './targets/names.ts';
import { requests, sockets } from './targets/requests.ts';
import { stored, templates } from './targets/stored.ts';
import { answers, clientState, delta, headers, hooks, manifest } from './targets/wire.ts';
import { clientConfig, yamlFiles } from './targets/yaml.ts';

/** Everything that reads what others send or write. */
export const TARGETS: readonly Target[] = [
  names,
  tagstate,
  pins,
  killswitch,
  ...yamlFiles,
  clientConfig,
  templates,
  manifest,
  delta,
  hooks,
  answers,
  clientState,
  headers,
  stored,
  archives,
  requests,
  sockets,
];

/** How many of so many inputs each target gets; of what is costly one part in `costlyPart` of that. */
export function sharesOf(targets: readonly Target[], runs: number, costlyPart = 1): Map<Target, number> {
  const all = targets.reduce((sum, { weight }) => sum + weight, 0);
  const shareOf = ({ weight, isCostly }: Target): number =>
    Math.ceil((runs * weight) / all / (isCostly === true ? costlyPart : 1));
  return new Map(targets.map((target) => [target, shareOf(target)]));
}
