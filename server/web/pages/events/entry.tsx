import type { ShownEvent } from '../../../../protocol/api/events.ts';
import { Diff } from '../../parts/diff.tsx';
import { hrefOf } from '../../router.ts';
import { absolute } from '../../words.ts';
import { Prose } from '../parts/prose.tsx';
import { textPatch } from '../parts/text-diff.ts';
import { changeOf } from './feed.ts';

interface Props {
  readonly event: ShownEvent;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

/** What changed, by whom, and how it was before. */
export function Entry({ event, isOpen, onToggle }: Props) {
  const { at, kind, by, from, subject, before, after, why, summary } = event;
  const change = changeOf(event);
  return (
    <li class={`event event-${kind}`}>
      <time class="event-time" dateTime={at} title={absolute(Date.parse(at), { seconds: true })}>
        {at.slice(11, 19)}
      </time>
      <span class="event-kind">{kind}</span>
      <div class="event-what">
        <p class="event-summary">
          <Prose text={summary} />
        </p>
        {why === null || why === '' || summary.includes(why) ? null : <p class="event-why">“{why}”</p>}
        {change === 'line' ? (
          <p class="event-change">
            <Part text={before} isOld />
            {before?.trim() && after?.trim() ? ' → ' : ''}
            <Part text={after} />
          </p>
        ) : null}
        {change === 'lines' ? (
          <button type="button" class="plain event-open" aria-expanded={isOpen} onClick={onToggle}>
            {isOpen ? 'Hide the change' : 'Show the change'}
          </button>
        ) : null}
        {change === 'lines' && isOpen ? <Diff patch={textPatch(before, after)} /> : null}
      </div>
      <p class="event-by quiet">
        <a href={hrefOf(['events'], { subject })}>{subject}</a>
        <span>
          {by}
          {from === null ? '' : ` · ${from}`}
        </span>
      </p>
    </li>
  );
}

/** One side of a change; nothing where there was nothing. */
function Part({ text, isOld = false }: { readonly text: string | null; readonly isOld?: boolean }) {
  const words = text?.trim() ?? '';
  if (words === '') return null;
  return isOld ? <del>{words}</del> : <ins>{words}</ins>;
}
