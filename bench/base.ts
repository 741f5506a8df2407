import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Generating } from './generator.ts';
import { makeSource, type Source } from './source.ts';

/** What a base directory is to hold. */
export interface BaseKind {
  readonly files: number;
  /** How many times larger than the usual KiB the files are on average. */
  readonly scale?: number;
  /** Past hours, each with a commit and a tag. */
  readonly tags: number;
  /** `plain`: one wave for all; `fleet`: several, with groups by globs and by name. */
  readonly nodes: 'plain' | 'fleet';
}

export const PLAIN: BaseKind = { files: 100, tags: 12, nodes: 'plain' };
export const FLEET: BaseKind = { files: 100, tags: 72, nodes: 'fleet' };
export const GROUPS = 40;

const HOUR_MS = 3_600_000;
const made = new Map<string, Promise<string>>();

/** A base directory of that kind, of its own. Kinds are made once and copied. */
export async function makeBase(at: Generating, name: string, kind: BaseKind): Promise<string> {
  const pattern = join(at.work, `pattern-${kind.files}-${kind.scale ?? 1}-${kind.tags}-${kind.nodes}`);
  const making = made.get(pattern) ?? makePattern(at, pattern, kind);
  made.set(pattern, making);
  const base = join(at.work, name);
  await cp(await making, base, { recursive: true, preserveTimestamps: true });
  return base;
}

async function makePattern({ dist }: Generating, base: string, kind: BaseKind): Promise<string> {
  const { files, tags, nodes, scale = 1 } = kind;
  await mkdir(base);
  for (const [file, text] of Object.entries(nodes === 'plain' ? PLAIN_FILES : fleetFiles()))
    await writeFile(join(base, file), text);
  const source = await makeSource(join(base, 'trunk'), { files, scale, committedAt: hoursAgo(tags + 1) });
  await commitHourly(source, tags);
  const command = [join(dist, 'tagwave-server.js'), 'snapshot', '--backfill', String(tags), '--base', base];
  await execa(process.execPath, command);
  return base;
}

async function commitHourly(source: Source, hours: number): Promise<void> {
  for (let ago = hours; ago > 0; ago--) await source.commit(hoursAgo(ago));
}

/** Half past, so that none falls on the hour itself. */
function hoursAgo(hours: number): number {
  return Math.floor(Date.now() / HOUR_MS - hours) * HOUR_MS + HOUR_MS / 2;
}

/** Every host gets the tag of the hour. */
const PLAIN_FILES = { 'schedule.yml': 'waves: [{ environment: production, default: true, hours: 0 }]\n' };

/** The tenth of a fleet's hosts come first, and so on: what an operator with some sites would write. */
function fleetFiles(): Record<string, string> {
  const sites = Array.from({ length: GROUPS }, (_, site) => site);
  const nodes = sites.flatMap((site) => [
    `"*.${siteName(site)}.example.com": [${siteName(site)}]`,
    `"db*.${siteName(site)}.example.com": [${siteName(site)}]`,
    `"web${site}.${siteName(site)}.example.com": [${siteName(site)}, dev]`,
  ]);
  const waves = [
    '{ environment: development, groups: [dev], hours: 0 }',
    `{ environment: qa, groups: [${sites.slice(0, 4).map(siteName).join(', ')}], hours: 1 }`,
    `{ environment: staging, groups: [${sites.slice(4, 8).map(siteName).join(', ')}], hours: 2 }`,
    `{ environment: production, groups: [east], hours: 3 }`,
    '{ environment: production, name: first, percent: 10, groups: [west], hours: 3 }',
    '{ environment: production, default: true, hours: 4 }',
  ];
  return {
    'nodes.yml': `${nodes.join('\n')}\n`,
    'nodegroups.yml': `east: [${sites.slice(8, 20).map(siteName).join(', ')}]\nwest: [${sites.slice(20).map(siteName).join(', ')}]\n`,
    'schedule.yml': `waves:\n${waves.map((wave) => `  - ${wave}\n`).join('')}`,
  };
}

function siteName(site: number): string {
  return `site${site}`;
}

/** `web1.example.com` and so on; of a fleet, on so many sites as it has groups. */
export function hostNames(count: number, nodes: BaseKind['nodes']): string[] {
  return Array.from({ length: count }, (_, index) =>
    nodes === 'plain' ? `web${index + 1}.example.com` : `web${index + 1}.${siteName(index % GROUPS)}.example.com`,
  );
}
