import type { Place } from '../router.ts';

export function MapPage({ place }: { readonly place: Place }) {
  return <h1>Train map {place.query['at']}</h1>;
}
