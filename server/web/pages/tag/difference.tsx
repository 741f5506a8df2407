import type { TrainMap } from '../../../../protocol/api/train.ts';
import { becomeWith } from '../../place.ts';
import { hrefWith, type Place } from '../../router.ts';
import { kindOf, shortTag } from '../../tag-name.ts';
import { Changes } from '../parts/changes.tsx';
import { joinList, splitList } from '../parts/list.ts';
import { Tabs } from '../parts/tabs.tsx';
import { TagSelect } from '../parts/tag-select.tsx';

interface Props {
  readonly name: string;
  /** All tags, newest first. */
  readonly names: readonly string[];
  readonly map: TrainMap | null;
  readonly place: Place;
}

/** In what a tag differs from the one before it, from what each wave is given, or from any other. */
export function Difference({ name, names, map, place }: Props) {
  const previous = names[names.indexOf(name) + 1];
  const asked = place.query['against'] ?? place.query['diff'] ?? 'previous';
  const against = asked === 'previous' ? previous : asked;
  const choices = choicesOf(name, previous, map);
  const chosen = choices.find(({ tag }) => tag === against)?.tag ?? 'other';
  return (
    <section aria-labelledby="difference">
      <header class="row difference-head">
        <h2 id="difference">What is different</h2>
        <TagSelect
          label="from"
          value={against ?? ''}
          none="–"
          tags={names.filter((tag) => tag !== name)}
          onChange={(tag) => becomeWith({ against: tag, diff: undefined, file: undefined })}
        />
      </header>
      <Tabs
        title="Compared with"
        current={chosen}
        tabs={choices.map(({ tag, title }) => ({
          key: tag,
          title,
          href: hrefWith(place, { against: tag === previous ? undefined : tag, diff: undefined, file: undefined }),
        }))}
      />
      {against === undefined ? (
        <p class="quiet">There is no tag before it.</p>
      ) : (
        <Changes
          key={against}
          url={`v1/diff?from=${encodeURIComponent(against)}&to=${encodeURIComponent(name)}`}
          open={splitList(place.query['file'])}
          onOpen={(open) => becomeWith({ file: joinList(open) })}
        />
      )}
    </section>
  );
}

interface Choice {
  readonly tag: string;
  readonly title: string;
}

/** The tag before, and what each wave is given: waves that are given the same together. */
function choicesOf(name: string, previous: string | undefined, map: TrainMap | null): readonly Choice[] {
  const given = new Map<string, string[]>();
  for (const { wave, answer } of map?.waves ?? []) {
    if (answer === name || answer === previous || !['tag', 'trunk'].includes(kindOf(answer))) continue;
    given.set(answer, [...(given.get(answer) ?? []), wave]);
  }
  const waves = [...given].map(([tag, names]) => ({ tag, title: `${names.join(', ')} (${shortTag(tag)})` }));
  return [
    ...(previous === undefined ? [] : [{ tag: previous, title: `the tag before (${shortTag(previous)})` }]),
    ...waves,
  ];
}
