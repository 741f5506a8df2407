import { useMemo } from 'preact/hooks';
import type { ShownTag } from '../../../protocol/api/tags.ts';
import { useData } from '../data.ts';
import { Empty, Loaded } from '../parts/states.tsx';
import { become, becomeWith, goWith } from '../place.ts';
import { hrefWith, type Place } from '../router.ts';
import { useStatus } from '../summary.ts';
import { count, grouped } from '../words.ts';
import { Filter } from './parts/filter.tsx';
import { joinList, splitList, toggled } from './parts/list.ts';
import { byDay, fitting, withNews } from './tags/list.ts';
import { TagTable } from './tags/table.tsx';
import './parts/parts.css';
import './tags/tags.css';

/** So many at first: a month of tags is more than anybody looks at. */
const FIRST = 96;

/** All tags, newest first: what is in them, what they are marked, and who is on them. */
export function TagsPage({ place }: { readonly place: Place }) {
  const data = useData<{ tags: readonly ShownTag[] }>('v1/tags', ['tags', 'map']);
  const waves = useStatus().value?.waves ?? [];
  const { q = '', marked, fresh, all, chosen } = place.query;
  const listed = useMemo(() => withNews(data.value?.tags ?? []), [data.value]);
  const found = fitting(listed, { q, isMarked: marked !== undefined, isNew: fresh !== undefined });
  const shown = all === undefined ? found.slice(0, FIRST) : found;
  const picked = splitList(chosen);
  return (
    <div class="tags-page">
      <header class="page-head">
        <h1>Tags</h1>
        <p class="total" role="status">
          {data.value === null
            ? ''
            : found.length === listed.length
              ? count(listed.length, 'tag')
              : `${grouped(found.length)} of ${grouped(listed.length)}`}
        </p>
        <button
          type="button"
          class="main push"
          disabled={picked.length === 0}
          onClick={() => goWith({ mark: picked.join() })}
        >
          {picked.length === 0 ? 'Mark chosen tags…' : `Mark ${count(picked.length, 'tag')}…`}
        </button>
      </header>
      <div class="row tags-filters">
        <label class="search">
          <span class="unseen">Search in names, subjects, authors, commits and reasons</span>
          <input
            type="search"
            placeholder="Search in subjects, authors, commits, reasons"
            value={q}
            onInput={(event) => become(hrefWith(place, { q: event.currentTarget.value }))}
          />
        </label>
        <Filter
          isOn={fresh !== undefined}
          onToggle={() => becomeWith({ fresh: fresh === undefined ? 'yes' : undefined })}
        >
          with a new commit
        </Filter>
        <Filter
          isOn={marked !== undefined}
          onToggle={() => becomeWith({ marked: marked === undefined ? 'yes' : undefined })}
        >
          marked or broken
        </Filter>
      </div>
      <Loaded data={data} what="the tags" rem={30}>
        {() =>
          listed.length === 0 ? (
            <Empty title="No tag has been made yet">
              <p>
                The first one comes at the next full hour, when the repository can be read; “tagwave-server snapshot”
                makes one now.
              </p>
            </Empty>
          ) : shown.length === 0 ? (
            <Empty title="No tag is like that">
              <p>
                <a href={hrefWith(place, { q: undefined, marked: undefined, fresh: undefined })}>Show all tags</a>
              </p>
            </Empty>
          ) : (
            <>
              <TagTable
                days={byDay(shown)}
                waves={waves}
                chosen={picked}
                onChoose={(name) => becomeWith({ chosen: joinList(toggled(picked, name)) })}
              />
              {shown.length === found.length ? null : (
                <p class="more">
                  <a href={hrefWith(place, { all: 'yes' })}>Show {grouped(found.length - shown.length)} older ones</a>
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </div>
  );
}
