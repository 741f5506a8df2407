import { hrefOf } from '../../router.ts';
import { shortTag } from '../../tag-name.ts';

/** The tags before and after this one; `names` newest first. */
export function Neighbours({ name, names }: { readonly name: string; readonly names: readonly string[] }) {
  const index = names.indexOf(name);
  const before = index === -1 ? undefined : names[index + 1];
  const after = index === -1 ? undefined : names[index - 1];
  return (
    <nav class="neighbours" aria-label="Neighbouring tags">
      {before === undefined ? null : <a href={hrefOf(['tags', before])}>← {shortTag(before)}</a>}
      {after === undefined ? null : <a href={hrefOf(['tags', after])}>{shortTag(after)} →</a>}
    </nav>
  );
}
