import type { MapTag } from '../../../protocol/api/train.ts';
import { Mark } from '../parts/mark.tsx';
import { clock, count, day, personOf } from '../words.ts';
import { reasonsOf } from './marks.ts';
import { sizeWords } from './size.ts';

/** One line, always there: the tag that a pointer or the focus is on, else what the signs mean. */
export function Strip({ tag }: { readonly tag: MapTag | null }) {
  return <div class="strip">{tag === null ? <Legend /> : <TagLine tag={tag} />}</div>;
}

function TagLine({ tag }: { readonly tag: MapTag }) {
  const hour = Date.parse(tag.hour);
  const marks = reasonsOf(tag).map(({ text }) => text);
  return (
    <p class="strip-line">
      <strong class="numbers">
        {day(hour)} {clock(hour)}
      </strong>
      {tag.isNew ? (
        <>
          <span class="strip-subject">{tag.subject}</span>
          <span class="quiet">
            {personOf(tag.author)}
            {sizeWords(tag.size)}
            {tag.commits === null || tag.commits < 2 ? '' : `, ${count(tag.commits, 'commit')}`}
          </span>
        </>
      ) : (
        <span class="quiet">no new commit</span>
      )}
      {tag.broken === null ? null : <span class="bad-text">broken: {tag.broken}</span>}
      {marks.length === 0 ? null : <span class="bad-text">{marks.join(' · ')}</span>}
    </p>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-label="What the signs mean">
      <li>
        <span class="legend-nodes" aria-hidden="true" /> nodes that were told this tag
      </li>
      <li>
        <span class="stop-arrival is-next" aria-hidden="true">
          +1
        </span>{' '}
        where the wave is in so many hours
      </li>
      <li>
        <span class="legend-bar" aria-hidden="true" /> new commits
      </li>
      <li>
        <Mark state="bad" words />
      </li>
      <li>
        <Mark state="badfwd" words />
      </li>
      <li>
        <Mark state="good" words />
      </li>
      <li>
        <Mark state="broken" words />
      </li>
    </ul>
  );
}
