import type { Place } from '../router.ts';

export function NodesPage({ place }: { readonly place: Place }) {
  return <h1>{place.path.join(' ')}</h1>;
}
