import { kindOf } from '../tag-name.ts';
import { TagName } from './tag-name.tsx';

/** What somebody is given: a tag as a link to it, or a hold, the killswitch, trunk or nothing as such. */
export function Answer({ answer, short = false }: { readonly answer: string; readonly short?: boolean }) {
  const kind = kindOf(answer);
  if (kind === 'tag') return <TagName name={answer} short={short} />;
  return <span class={`answer answer-${kind}`}>{answer}</span>;
}
