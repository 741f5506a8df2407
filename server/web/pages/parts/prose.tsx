import { TagName } from '../../parts/tag-name.tsx';

const TAG = /(\betchautotag-\d{8}-\d{2}00\b)/;

/** A sentence of the server, in which tags lead to their pages. */
export function Prose({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(TAG).map((part, index) => (index % 2 === 1 ? <TagName key={`${index}${part}`} name={part} /> : part))}
    </>
  );
}
