import type { ShownTag } from '../../../protocol/api/tags.ts';
import type { TrainMap } from '../../../protocol/api/train.ts';
import { useData } from '../data.ts';
import { Empty, Loaded } from '../parts/states.tsx';
import { goWith } from '../place.ts';
import { hrefOf, type Place } from '../router.ts';
import { hourOfTag } from '../tag-name.ts';
import { clock, day } from '../words.ts';
import { Difference } from './tag/difference.tsx';
import { Neighbours } from './tag/neighbours.tsx';
import { TagRecord } from './tag/record.tsx';
import { Whereabouts } from './tag/whereabouts.tsx';
import './parts/parts.css';
import './tag/tag.css';

/** One tag: what is in it, what it is marked, who is on it, and in what it differs from others. */
export function TagPage({ place }: { readonly place: Place }) {
  const name = place.path[1] ?? '';
  const tags = useData<{ tags: readonly ShownTag[] }>('v1/tags', ['tags', 'map']);
  const one = useData<ShownTag>(`v1/tags/${encodeURIComponent(name)}`, ['tags', 'map']);
  const map = useData<TrainMap>('v1/map?hours=1&ahead=0', ['map', 'tags', 'nodes']).value;
  const isMissing = one.value === null && (one.failure?.status === 404 || one.failure?.status === 400);
  const hour = hourOfTag(name);
  const names = tags.value?.tags.map((tag) => tag.name) ?? [];
  return (
    <div class="tag-page">
      <p class="trail">
        <a href={hrefOf(['tags'])}>Tags</a>
        {hour === null ? '' : ` · ${day(hour)} ${clock(hour)} UTC`}
      </p>
      <header class="page-head">
        <h1 class="tag-name">{name}</h1>
        {isMissing ? null : (
          <button type="button" class="main" onClick={() => goWith({ mark: name })}>
            Mark…
          </button>
        )}
        <Neighbours name={name} names={names} />
      </header>
      {isMissing ? (
        <Empty title="There is no such tag">
          <p>
            It was never made, or was dropped after its time. <a href={hrefOf(['tags'])}>All tags</a>
          </p>
        </Empty>
      ) : (
        <Loaded data={one} what="the tag" rem={14}>
          {(tag) => (
            <>
              <div class="tag-top">
                <TagRecord
                  tag={tag}
                  environments={[...new Set(map?.waves.map(({ environment }) => environment) ?? [])]}
                />
                <Whereabouts name={name} nodes={tag.nodes} map={map} />
              </div>
              <Difference name={name} names={names} map={map} place={place} />
            </>
          )}
        </Loaded>
      )}
    </div>
  );
}
