import type { ShownTag } from '../../../../protocol/api/tags.ts';
import { Mark } from '../../parts/mark.tsx';
import { markGroups } from '../tags/list.ts';

interface Props {
  readonly tag: Pick<ShownTag, 'marks' | 'broken'>;
  /** Of which a mark that counts for all need not name any. */
  readonly environments: readonly string[];
}

/** A tag's marks in a line, each with the environments where it is not for all. */
export function TagMarks({ tag, environments }: Props) {
  const groups = markGroups(tag);
  return (
    <span class="tag-marks">
      {tag.broken === null ? null : <Mark state="broken" words />}
      {groups.map(({ state, where, environments: named }) => (
        <span key={where}>
          <Mark state={state} words />
          {named.length >= environments.length ? null : <span class="quiet"> {named.join(', ')}</span>}
        </span>
      ))}
    </span>
  );
}
