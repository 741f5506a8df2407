import type { Place } from '../router.ts';

export function EventsPage({ place }: { readonly place: Place }) {
  return <h1>{place.path.join(' ')}</h1>;
}
