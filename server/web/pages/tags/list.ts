import type { ShownTag } from '../../../../protocol/api/tags.ts';
import { hourOfTag } from '../../tag-name.ts';
import { day } from '../../words.ts';

export interface ListedTag extends ShownTag {
  /** Whether it holds another commit than the tag before it. */
  readonly isNew: boolean;
}

/** Newest first, as they come. Of the oldest nobody knows what was before. */
export function withNews(tags: readonly ShownTag[]): readonly ListedTag[] {
  return tags.map((tag, index) => ({ ...tag, isNew: tags[index + 1]?.commit !== tag.commit }));
}

export interface TagDay {
  readonly day: string;
  readonly tags: readonly ListedTag[];
}

/** By day, in the order in which they come. */
export function byDay(tags: readonly ListedTag[]): readonly TagDay[] {
  const days = new Map<string, ListedTag[]>();
  for (const tag of tags) {
    const name = day(hourOfTag(tag.name) ?? Date.parse(tag.created));
    const found = days.get(name);
    if (found === undefined) days.set(name, [tag]);
    else found.push(tag);
  }
  return [...days].map(([name, found]) => ({ day: name, tags: found }));
}

export interface TagFilter {
  readonly q: string;
  readonly isMarked: boolean;
  readonly isNew: boolean;
}

/** Every word must be in the name, the subject, the author, the commit or a reason. */
export function fitting(tags: readonly ListedTag[], { q, isMarked, isNew }: TagFilter): readonly ListedTag[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return tags.filter((tag) => {
    if (isMarked && Object.keys(tag.marks).length === 0 && tag.broken === null) return false;
    if (isNew && !tag.isNew) return false;
    const reasons = Object.values(tag.marks).map(({ state, reason }) => `${state} ${reason}`);
    const text = [tag.name, tag.subject, tag.author, tag.commit, ...reasons].join('\n').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export interface MarkGroup {
  readonly state: 'good' | 'bad' | 'badfwd';
  readonly reason: string;
  readonly where: string;
  readonly environments: readonly string[];
}

/** The marks of a tag, those together that come from one line. */
export function markGroups({ marks }: Pick<ShownTag, 'marks'>): readonly MarkGroup[] {
  const groups = new Map<string, MarkGroup & { environments: string[] }>();
  for (const [environment, { state, reason, source, line }] of Object.entries(marks)) {
    const where = `${source} line ${line}`;
    const key = `${where} ${state}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { state, reason, where, environments: [environment] });
    else group.environments.push(environment);
  }
  return [...groups.values()];
}
