import { createStore, type Store } from './store.ts';

const EVERY_MS = 15_000;

/** Now, for what is said about how long ago something was. By this machine's clock. */
export const tick: Store<number> = createStore(Date.now());
setInterval(() => tick.set(Date.now()), EVERY_MS);
