import { parseTagName } from '../../protocol/names.ts';
import type { Decision } from './decide.ts';
import { stops } from './marks.ts';
import { lookUp } from './named-tag.ts';
import { quoted } from './wording.ts';
import type { PlacedNode, World } from './world.ts';

/** A tag that a client asked for and does not get. Never silently ignored: who asked for one tag must not get another. */
export interface Refusal {
  readonly outcome: 'refused';
  readonly code: 'tag-not-allowed' | 'broken-tag' | 'unknown-tag' | 'bad-tag';
  readonly message: string;
  readonly reasons: readonly string[];
}

/** Whether a node gets the tag that its client asked for. */
export function judgeAsked(world: World, node: PlacedNode, asked: string): Decision | Refusal {
  const steps = [`the client asked for ${quoted(asked)}`];
  const refuse = (code: Refusal['code'], why: string): Refusal => ({
    outcome: 'refused',
    code,
    message: `${why}; ask without a tag to have what ${node.wave.environment} has`,
    reasons: [...steps, why],
  });
  const tag = asked === 'trunk' ? asked : parseTagName(asked);
  if (tag === undefined)
    return refuse('bad-tag', `${quoted(asked)} is neither trunk nor etchautotag-YYYYMMDD-HH00 (UTC)`);
  if (world.clientTags === 'none')
    return refuse('tag-not-allowed', 'clients may not ask for tags here (client_tags: none)');
  const { mark, described, flaw, notes } = lookUp(world, node.wave.environment, tag);
  if (flaw?.kind === 'unknown') return refuse('unknown-tag', flaw.why);
  if (stops(mark?.state)) return refuse('tag-not-allowed', described);
  if (world.clientTags === 'good' && mark?.state !== 'good')
    return refuse(
      'tag-not-allowed',
      `${described}, and clients may ask only for what is marked good (client_tags: good)`,
    );
  if (flaw !== null) return refuse('broken-tag', flaw.why);
  return { outcome: 'serve', tag, reasons: [...steps, `${described}: serving it`, ...notes] };
}
