import { link } from './live.ts';
import { useStore } from './store.ts';
import { absolute } from './words.ts';

/** Says that nothing new comes in, and as of when it is what is shown. */
export function LinkBar() {
  const { state, heard } = useStore(link);
  return (
    <div role="status" class={state === 'away' ? 'link-bar is-away' : 'link-bar'}>
      {state === 'away' ? wordsOf(heard) : null}
    </div>
  );
}

function wordsOf(heard: number | null): string {
  if (heard === null) return 'The server cannot be heard. Reconnecting…';
  return `Reconnecting… What is shown is as of ${absolute(heard, { seconds: true })}.`;
}
