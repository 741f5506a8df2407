import { hrefOf } from '../router.ts';
import { shortTag } from '../tag-name.ts';

/** A tag as a link to its page. */
export function TagName({ name, short = false }: { readonly name: string; readonly short?: boolean }) {
  return (
    <a class="tag-name" href={hrefOf(['tags', name])} title={short ? name : undefined}>
      {short ? shortTag(name) : name}
    </a>
  );
}
