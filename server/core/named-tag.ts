import { floorHour, hourOf, startOf, type TagName } from '../../protocol/names.ts';
import { describeBroken } from './broken.ts';
import { describeMark, type Mark, markOf } from './marks.ts';
import { findTag, nearestTag, type TagRecord } from './tag.ts';
import { instant } from './wording.ts';
import type { World } from './world.ts';

/** A tag that somebody named, whoever it was: the client, a pin or the nodetagger. */
export interface NamedTag {
  readonly name: TagName | 'trunk';
  /** Trunk has none. */
  readonly mark: Mark | undefined;
  /** The name, with what it is marked. */
  readonly described: string;
  /** Why it cannot be served whatever its mark; null where it can. */
  readonly flaw: { readonly kind: 'unknown' | 'broken'; readonly why: string } | null;
  /** What an operator should know of its content. */
  readonly notes: readonly string[];
}

/** What a name stands for now. A tag ahead of now is as unknown as one that was never made. */
export function lookUp(world: World, environment: string, name: TagName | 'trunk'): NamedTag {
  if (name === 'trunk') return lookUpTrunk(world);
  const mark = markOf(world.marks, name, environment);
  const tag = findTag(world.tags, name);
  const notes = tag === undefined ? [] : contentNotes(tag);
  return { name, mark, described: describeMark(name, mark), flaw: flawOf(world, name, tag), notes };
}

function flawOf({ now, tags }: World, name: TagName, tag: TagRecord | undefined): NamedTag['flaw'] {
  if (tag === undefined) {
    const nearest = nearestTag(tags, hourOf(name));
    return {
      kind: 'unknown',
      why: `there is no tag ${name}${nearest === undefined ? '' : ` (the nearest is ${nearest.name})`}`,
    };
  }
  if (tag.hour > floorHour(now)) return { kind: 'unknown', why: `${name} is ahead of now, which is ${instant(now)}` };
  return tag.broken === null ? null : { kind: 'broken', why: describeBroken(name, tag.broken) };
}

function lookUpTrunk({ trunk }: World): NamedTag {
  const named = { name: 'trunk', mark: undefined, described: 'trunk' } as const;
  if (trunk === null)
    return {
      ...named,
      flaw: { kind: 'unknown', why: 'there is no trunk: nothing was fetched from the repository yet' },
      notes: [],
    };
  const flaw = trunk.broken === null ? null : ({ kind: 'broken', why: describeBroken('trunk', trunk.broken) } as const);
  return { ...named, flaw, notes: [`trunk is commit ${trunk.commit}, last seen at ${trunk.fetched}`] };
}

/** What an operator should know of a tag whose content is not simply the branch's tip at its hour. */
export function contentNotes(tag: TagRecord): string[] {
  const notes: string[] = [];
  const seen = tag.fetched ?? 'an unknown time';
  const isNewer = tag.fetched === null || Date.parse(tag.fetched) > startOf(tag.hour);
  if (tag.origin === 'late' && isNewer)
    notes.push(
      `${tag.name} was made late, of the tip as it was at ${seen}: its newest commits have soaked for less time`,
    );
  if (tag.origin === 'manual' && isNewer)
    notes.push(`${tag.name} was made by hand at ${tag.created}: its newest commits may have soaked for less time`);
  if (tag.stale) notes.push(`${tag.name} is stale: its content is what was last seen at the source, at ${seen}`);
  return notes;
}
