import { parseEnvironment } from '../../../protocol/names.ts';
import { DEFAULT_LOOKBACK_HOURS } from '../schedule.ts';
import type { EtchHours, Rung } from './hours.ts';

/** How sites call what they have, by how a group's name begins. */
const USUAL: readonly (readonly [pattern: RegExp, environment: string])[] = [
  [/^prod|^prd/i, 'production'],
  [/^(dev|int)/i, 'development'],
  [/^(qa|test)/i, 'qa'],
  [/^(stg|stag|preprod|uat)/i, 'staging'],
];
const PLAIN = /^[A-Za-z][A-Za-z0-9_.-]*$/;
const NOT_TEXT = /^(null|true|false|yes|no|on|off|y|n)$/i;

/** The environment that a group's hosts are most likely in; etch has no word for it. */
export function environmentFor(group: string): string {
  const usual = USUAL.find(([pattern]) => pattern.test(group))?.[1];
  if (usual !== undefined) return usual;
  const own = group
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return parseEnvironment(own) ?? 'other';
}

/** `schedule.yml` that says what the hours of a nodetagger said, in the same order. */
export function scheduleText(hours: EtchHours, directory: string): string {
  const used = new Set<string>();
  const waves = [...hours.rungs, { groups: [], hours: hours.otherwise }].map((rung, index) =>
    waveText(rung, { hours, used, isDefault: index === hours.rungs.length }),
  );
  return `# Who gets which hour, as ${directory}/nodetagger had it. The first wave that has a group of the node wins. etch has no word for
# environments, by which killswitch.d/, marks and layers go: they are called after the groups here. Rename them before you use them.
waves:
${waves.map((wave) => `  - ${wave}\n`).join('')}`;
}

interface Waves {
  readonly hours: EtchHours;
  /** Names of waves so far. */
  readonly used: Set<string>;
  readonly isDefault: boolean;
}

function waveText(rung: Rung, { hours, used, isDefault }: Waves): string {
  const environment = isDefault ? 'production' : environmentFor(rung.groups[0] ?? '');
  const usual = `${environment}+${rung.hours}h`;
  let name = usual;
  for (let count = 2; used.has(name); count++) name = `${usual}-${count}`;
  used.add(name);
  const lookback =
    hours.require === 'good' || hours.lookbackHours === DEFAULT_LOOKBACK_HOURS ? [] : [hours.lookbackHours];
  const keys = [
    ...(name === usual ? [] : [`name: ${name}`]),
    `environment: ${environment}`,
    isDefault ? 'default: true' : `groups: [${rung.groups.map(yamlText).join(', ')}]`,
    `hours: ${rung.hours}`,
    ...(hours.require === 'good' ? ['require: good'] : []),
    ...lookback.map((limit) => `lookback_hours: ${limit}`),
  ];
  return `{ ${keys.join(', ')} }`;
}

function yamlText(text: string): string {
  return PLAIN.test(text) && !NOT_TEXT.test(text) ? text : JSON.stringify(text);
}
