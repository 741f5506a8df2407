import { link } from './live.ts';
import { useStore } from './store.ts';
import { absolute } from './words.ts';

/** Says that nothing new comes in, and as of when it is what is shown. */
export function LinkBar() {
  const { state, since } = useStore(link);
  return (
    <div role="status" class={state === 'away' ? 'link-bar is-away' : 'link-bar'}>
      {state === 'away' ? `Reconnecting… What is shown is as of ${absolute(since, { seconds: true })}.` : null}
    </div>
  );
}
