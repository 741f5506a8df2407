import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { type Flag, hasFlag } from '../nodes/query.ts';

const SAID: Readonly<Record<Exclude<Flag, 'failing'>, string>> = {
  held: 'is given nothing: it keeps what it has',
  behind: 'runs other content than it was told',
  silent: 'has not asked for a while',
  drifted: 'its disk differed from its release',
  pinned: 'a pin chooses its tag',
};
const SHOWN = Object.keys(SAID) as readonly (keyof typeof SAID)[];

/** What stands out of a node; nothing where all is as it should be. */
export function Flags({ node }: { readonly node: BriefNode }) {
  return (
    <span class="flags">
      {SHOWN.filter((flag) => hasFlag(node, flag)).map((flag) => (
        <span key={flag} class={`flag flag-${flag}`} title={SAID[flag]}>
          {flag}
        </span>
      ))}
    </span>
  );
}
