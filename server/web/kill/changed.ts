import { createStore, type Store } from '../store.ts';
import type { Change } from './stops.ts';

export const changed: Store<readonly Change[]> = createStore<readonly Change[]>([]);

export function noteChange(change: Change): void {
  changed.set([...changed.get().filter((one) => one.environment !== change.environment), change]);
}
