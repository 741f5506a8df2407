import './kill.css';
import type { TrainMap } from '../../../protocol/api/train.ts';
import { useData } from '../data.ts';
import { Time } from '../parts/time.tsx';
import { goWith } from '../place.ts';
import { hrefOf } from '../router.ts';
import { useStore } from '../store.ts';
import { useStatus } from '../summary.ts';
import { count } from '../words.ts';
import { changed } from './changed.ts';
import { keyOf, progressWords, type ShownStop, stopsNow } from './stops.ts';

/** On every page, for as long as something is stopped. */
export function KillBanners() {
  const stops = useStops();
  if (stops.length === 0) return null;
  return (
    <section aria-label="Killswitches that are on">
      {stops.map((stop) => (
        <Banner key={keyOf(stop.environment)} stop={stop} />
      ))}
    </section>
  );
}

export function useStops(): ShownStop[] {
  const status = useStatus();
  const changes = useStore(changed);
  const listed = status.value?.killswitch ?? [];
  const anyOn = listed.length > 0 || changes.length > 0;
  const map = useData<TrainMap>(anyOn ? 'v1/map?hours=1&ahead=0' : null, ['killswitch', 'nodes', 'map']);
  return stopsNow(listed, map.value?.killswitch ?? [], { asOf: status.askedAt ?? 0, changes });
}

function Banner({ stop }: { readonly stop: ShownStop }) {
  const { environment, message, since, by, progress } = stop;
  return (
    <div class="banner-stop" role="alert">
      <span class="banner-sign" aria-hidden="true" />
      <div class="banner-words">
        <p>
          <strong>{environment === null ? 'Everything is stopped' : `${environment} is stopped`}</strong>
          {by === null ? null : <> by {by}</>}
          {since === null ? null : (
            <>
              {' '}
              <Time at={since} />
            </>
          )}
          {progress === null ? null : <span class="numbers"> · {progressWords(progress)}</span>}
        </p>
        {message === '' ? null : <p class="banner-message">{message}</p>}
        {progress === null || progress.silent.length === 0 ? null : (
          <Silent names={progress.silent} all={progress.nodes - progress.told} />
        )}
      </div>
      <button type="button" class="banner-action" onClick={() => goWith({ resume: keyOf(environment) })}>
        Resume…
      </button>
    </div>
  );
}

const FEW = 60;

/** Who has not asked since, and so has not heard of it. */
function Silent({ names, all }: { readonly names: readonly string[]; readonly all: number }) {
  const more = all - Math.min(names.length, FEW);
  return (
    <details>
      <summary>{count(all, 'node')} not told yet</summary>
      <p class="banner-silent">
        {names.slice(0, FEW).map((name) => (
          <a key={name} href={hrefOf(['nodes', name])}>
            {name}
          </a>
        ))}
        {more > 0 ? <span>and {more} more</span> : null}
      </p>
    </details>
  );
}
