import type { Place } from '../router.ts';

export function ProblemsPage({ place }: { readonly place: Place }) {
  return <h1>{place.path.join(' ')}</h1>;
}
