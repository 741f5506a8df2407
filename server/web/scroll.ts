import { parsePlace } from './router.ts';

/** How far down each entry of this tab's history was, by a number that is kept in the entry. */
const positions = new Map<number, number>();
let entry = 0;
let path = '';
/** A list may have to be asked for before the page is as long as it was. */
const LONGEST_MS = 2_000;

/**
 * Another page begins at its top, and where the screen reader is; the way back leads to where one was. Another state of the same
 * page moves nothing.
 */
export function keepScroll(): void {
  history.scrollRestoration = 'manual';
  entry = entryOf(history.state) ?? begin();
  path = pathNow();
  addEventListener('scroll', () => positions.set(entry, scrollY), { passive: true });
  addEventListener('popstate', (event) => {
    const known = entryOf(event.state);
    const isOther = pathNow() !== path;
    path = pathNow();
    entry = known ?? begin();
    if (isOther) document.getElementById('main')?.focus({ preventScroll: true });
    if (known !== undefined) restore(entry, positions.get(entry) ?? 0);
    else if (isOther) scrollTo(0, 0);
  });
}

function pathNow(): string {
  return parsePlace(location.hash).path.join('/');
}

function entryOf(state: unknown): number | undefined {
  const found = state !== null && typeof state === 'object' ? Reflect.get(state, 'entry') : undefined;
  return typeof found === 'number' ? found : undefined;
}

function begin(): number {
  const next = Date.now() + Math.random();
  history.replaceState({ ...history.state, entry: next }, '');
  return next;
}

/** Until the page is long enough for it, or somebody goes elsewhere themselves. */
function restore(of: number, top: number): void {
  const until = performance.now() + LONGEST_MS;
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  for (const input of ['wheel', 'keydown', 'pointerdown', 'touchstart'])
    addEventListener(input, end, { once: true, passive: true });
  const step = (): void => {
    if (isOver || entry !== of || performance.now() > until) return;
    scrollTo(0, top);
    if (Math.abs(scrollY - top) > 1) requestAnimationFrame(step);
  };
  // What is there now is the other page.
  requestAnimationFrame(step);
}
