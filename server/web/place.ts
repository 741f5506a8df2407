import { hrefWith, type Place, parsePlace } from './router.ts';
import { createStore, useStore } from './store.ts';

const place = createStore<Place>(parsePlace(location.hash));
addEventListener('hashchange', () => place.set(parsePlace(location.hash)));

/** Where the page is; components that use it follow. */
export function usePlace(): Place {
  return useStore(place);
}

export function here(): Place {
  return place.get();
}

/** Goes somewhere, as a link does: the way back leads here. */
export function go(href: string): void {
  location.hash = href.slice(1);
}

/** Says in the URL what is shown now, as while somebody types or drags: the way back leads to where they came from. */
export function become(href: string): void {
  history.replaceState(history.state, '', href);
  place.set(parsePlace(href));
}

/** Opens or closes what the query names, such as a dialog, where the page is now. */
export function goWith(changes: Readonly<Record<string, string | undefined>>): void {
  go(hrefWith(here(), changes));
}

export function becomeWith(changes: Readonly<Record<string, string | undefined>>): void {
  become(hrefWith(here(), changes));
}
