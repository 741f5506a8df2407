import type { Hostname } from '../../../protocol/names.ts';
import { UnfitContent } from '../../ports/content.ts';

/** What is wrong with a tree, by sentence: who would meet it. */
export type Flaws = Map<string, Hostname[]>;

export interface Verdict {
  readonly isLayered: boolean;
  readonly flaw: string | null;
}

const TOLD_FLAWS = 5;

/** What is said of a tree whose flaws are looked for; `find` answers null for one whose only view is the whole of it. */
export async function verdictOn(find: () => Promise<Flaws | null>): Promise<Verdict> {
  try {
    const flaws = await find();
    return { isLayered: flaws !== null, flaw: flaws === null || flaws.size === 0 ? null : flawText(flaws) };
  } catch (error) {
    if (error instanceof UnfitContent) return { isLayered: true, flaw: error.message };
    throw error;
  }
}

/** `…/ntp.conf.liquid line 3: undefined variable ntp.servers, for web1.example.com and 12 more`. */
function flawText(flaws: Flaws): string {
  const told = [...flaws].slice(0, TOLD_FLAWS).map(([sentence, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return first === undefined ? sentence : `${sentence}, for ${first}${more}`;
  });
  return [...told, ...(flaws.size > TOLD_FLAWS ? [`and ${flaws.size - TOLD_FLAWS} more`] : [])].join('; ');
}
