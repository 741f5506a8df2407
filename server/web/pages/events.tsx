import { Empty, Failure, Loading } from '../parts/states.tsx';
import { becomeWith, go } from '../place.ts';
import { hrefWith, type Place } from '../router.ts';
import { count } from '../words.ts';
import { Entry } from './events/entry.tsx';
import { eventDays } from './events/feed.ts';
import { KindFilters } from './events/kind-filters.tsx';
import { chosenKinds, KINDS, kindsText, shownKinds } from './events/kinds.ts';
import { type Feed, useFeed } from './events/use-feed.ts';
import { joinList, splitList, toggled } from './parts/list.ts';
import './parts/parts.css';
import './events/events.css';

/** Everything that changed, as it happens. */
export function EventsPage({ place }: { readonly place: Place }) {
  const { subject } = place.query;
  const chosen = chosenKinds(place.query['kinds']);
  const kinds = shownKinds(chosen, subject);
  const feed = useFeed({ kinds: kinds.length === KINDS.length ? undefined : kinds.join(), subject });
  return (
    <div class="events-page">
      <header class="page-head">
        <h1>Events</h1>
        <input
          type="search"
          class="push event-subject"
          aria-label="Of one file, tag, host or problem"
          placeholder="Of one file, tag, host or problem"
          key={subject ?? ''}
          defaultValue={subject ?? ''}
          spellcheck={false}
          autocapitalize="off"
          onChange={(event) => go(hrefWith(place, { subject: event.currentTarget.value.trim(), open: undefined }))}
        />
      </header>
      <KindFilters kinds={chosen} onChange={(next) => becomeWith({ kinds: kindsText(next), open: undefined })} />
      <List feed={feed} place={place} />
    </div>
  );
}

function List({ feed, place }: { readonly feed: Feed; readonly place: Place }) {
  const { events, waiting, failure } = feed;
  const open = splitList(place.query['open']);
  if (events === null)
    return failure === null ? (
      <Loading what="Loading the events" rem={30} />
    ) : (
      <Failure failure={failure} onAgain={feed.reload} />
    );
  return (
    <>
      <p class="waiting" role="status">
        {waiting === 0 ? null : (
          <button
            type="button"
            class="main"
            onClick={() => {
              feed.showWaiting();
              scrollTo(0, 0);
            }}
          >
            Show {count(waiting, 'new event')}
          </button>
        )}
      </p>
      {failure === null ? null : <Failure failure={failure} onAgain={feed.reload} />}
      {events.length === 0 ? (
        <Empty title="Nothing of that has happened">
          <p>As soon as it does it stands here.</p>
        </Empty>
      ) : (
        eventDays(events).map(({ day, events: ofDay }) => (
          <section key={day} aria-label={day}>
            <h2 class="event-day">{day}</h2>
            <ol class="events">
              {ofDay.map((event) => (
                <Entry
                  key={event.id}
                  event={event}
                  isOpen={open.includes(String(event.id))}
                  onToggle={() => becomeWith({ open: joinList(toggled(open, String(event.id))) })}
                />
              ))}
            </ol>
          </section>
        ))
      )}
      {events.length === 0 ? null : <Older feed={feed} />}
    </>
  );
}

function Older({ feed: { isAtEnd, isLoadingOlder, loadOlder } }: { readonly feed: Feed }) {
  if (isAtEnd) return <p class="quiet older">That is all that is recorded.</p>;
  return (
    <p class="older">
      <button type="button" disabled={isLoadingOlder} onClick={loadOlder}>
        {isLoadingOlder ? 'Loading…' : 'Show older ones'}
      </button>
    </p>
  );
}
