import type { ComponentChildren } from 'preact';
import type { Failed } from '../api.ts';
import type { Data } from '../data.ts';
import { link } from '../live.ts';
import { useStore } from '../store.ts';
import { absolute, sentence } from '../words.ts';

/** Keeps the room of what is to come, so that nothing jumps. `lines` of text, or a height in rem. */
export function Loading({ what = 'Loading', rem = 12 }: { readonly what?: string; readonly rem?: number }) {
  return (
    <div class="loading" style={{ minHeight: `${rem}rem` }} role="status">
      <span class="loading-words">{what}…</span>
    </div>
  );
}

/** Nothing is there, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong, why, what to do next, in the server's words. */
export function Failure({ failure, onAgain }: { readonly failure: Failed; readonly onAgain?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p class="failure-title">{sentence(failure.title)}</p>
      {failure.hint === null ? null : <p>{sentence(failure.hint)}</p>}
      {failure.id === null ? null : <p class="quiet">In the server's log as {failure.id}</p>}
      {onAgain === undefined ? null : (
        <button type="button" onClick={onAgain}>
          Try again
        </button>
      )}
    </div>
  );
}

interface LoadedProps<Value> {
  readonly data: Data<Value>;
  readonly what: string;
  readonly rem?: number;
  readonly children: (value: Value) => ComponentChildren;
}

/** Shows an answer when it is here; until then its room, and where it cannot be had, why. What was there before stays, and says of when it is. */
export function Loaded<Value>({ data, what, rem, children }: LoadedProps<Value>) {
  const { value, failure, asOf, reload } = data;
  // That nothing comes in at all is said once for the whole page.
  const isAway = useStore(link).state === 'away' && failure?.status === 0;
  if (value === null)
    return failure === null ? (
      <Loading what={`Loading ${what}`} {...(rem === undefined ? {} : { rem })} />
    ) : (
      <Failure failure={failure} onAgain={reload} />
    );
  return (
    <>
      {failure === null || asOf === null || isAway ? null : (
        <p class="stale" role="status">
          {sentence(failure.title)} Shown as of {absolute(asOf, { seconds: true })}.
        </p>
      )}
      {children(value)}
    </>
  );
}
