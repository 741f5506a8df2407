import { useId } from 'preact/hooks';
import { shortTag } from '../../tag-name.ts';

interface Props {
  readonly label: string;
  readonly value: string;
  readonly tags: readonly string[];
  /** What choosing none is called; left out where one must be chosen. */
  readonly none?: string;
  readonly onChange: (tag: string) => void;
}

/** Chooses a tag, newest first, or the trunk. */
export function TagSelect({ label, value, tags, none, onChange }: Props) {
  const id = useId();
  const known = value === '' || tags.includes(value) || value === 'trunk';
  return (
    <span class="tag-select">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {none === undefined ? null : <option value="">{none}</option>}
        <option value="trunk">trunk</option>
        {known ? null : <option value={value}>{shortTag(value)}</option>}
        {tags.map((tag) => (
          <option key={tag} value={tag}>
            {shortTag(tag)}
          </option>
        ))}
      </select>
    </span>
  );
}
