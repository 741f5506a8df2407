import type { MapTag } from '../../../protocol/api/train.ts';
import type { ShownMark } from '../parts/mark-state.ts';

/** What a tag is for one environment: what cannot be served is broken, whatever its mark. */
export function markFor(tag: Pick<MapTag, 'broken' | 'marks'>, environment: string): ShownMark {
  if (tag.broken !== null) return 'broken';
  return tag.marks[environment]?.state ?? 'none';
}

/** What counts more is shown where environments differ. */
const BY_WEIGHT: readonly ShownMark[] = ['broken', 'bad', 'badfwd', 'good', 'none'];

export interface Summary {
  readonly state: ShownMark;
  /** Not for all environments. */
  readonly isPartial: boolean;
}

/** One mark for all of the environments. */
export function summaryOf(tag: Pick<MapTag, 'broken' | 'marks'>, environments: readonly string[]): Summary {
  const states = new Set(environments.map((environment) => markFor(tag, environment)));
  const state = BY_WEIGHT.find((one) => states.has(one)) ?? (tag.broken === null ? 'none' : 'broken');
  return { state, isPartial: states.size > 1 };
}

/** The reason that was given, where all who gave one said the same; else what each environment's line says. */
export function reasonsOf(
  tag: Pick<MapTag, 'marks'>,
): { readonly environments: readonly string[]; readonly text: string }[] {
  const byText = new Map<string, string[]>();
  for (const [environment, { state, reason, source, line }] of Object.entries(tag.marks)) {
    const text = `${state}${reason === '' ? '' : `: “${reason}”`} (${source} line ${line})`;
    byText.set(text, [...(byText.get(text) ?? []), environment]);
  }
  return [...byText].map(([text, environments]) => ({ environments, text }));
}
