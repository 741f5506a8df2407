import '../map/map.css';
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { TrainMap } from '../../../protocol/api/train.ts';
import { useData } from '../data.ts';
import { type Click, choose, chosenIn } from '../map/choosing.ts';
import { ComingPanel } from '../map/coming-panel.tsx';
import { Overview } from '../map/overview.tsx';
import { Strip } from '../map/strip.tsx';
import { TagPanel } from '../map/tag-panel.tsx';
import { TimeSlider } from '../map/time-slider.tsx';
import { TrainMapTable } from '../map/train-map.tsx';
import { WavePanel } from '../map/wave-panel.tsx';
import { NoNodes, NoTags } from '../map/welcome.tsx';
import { Loaded } from '../parts/states.tsx';
import { becomeWith, here } from '../place.ts';
import type { Place } from '../router.ts';
import { sentence } from '../words.ts';

const HOURS = 72;
const AHEAD = 6;

export function MapPage({ place }: { readonly place: Place }) {
  const at = instantIn(place.query['at']);
  const url = `v1/map?hours=${HOURS}&ahead=${AHEAD}${at === null ? '' : `&at=${encodeURIComponent(new Date(at).toISOString())}`}`;
  const data = useData<TrainMap>(url, ['map', 'tags', 'nodes', 'killswitch', 'settings'], { keep: true });
  const since = data.value?.since ?? null;
  return (
    <>
      <div class="map-top">
        <h1>Train map</h1>
        <TimeSlider since={since === null ? null : Date.parse(since)} at={at} />
      </div>
      <Loaded data={data} what="the train map" rem={34}>
        {(map) => <MapView map={map} place={place} />}
      </Loaded>
    </>
  );
}

function MapView({ map, place }: { readonly map: TrainMap; readonly place: Place }) {
  const [looked, setLooked] = useState<string | null>(null);
  const chosen = useMemo(() => chosenIn(place.query['tag']), [place.query['tag']]);
  const onChoose = useCallback((click: Omit<Click, 'chosen'>) => {
    const next = choose({ ...click, chosen: chosenIn(here().query['tag']) });
    becomeWith({ tag: next.join(), wave: undefined });
  }, []);
  const wave = map.waves.find((one) => one.wave === place.query['wave']);
  const tags = map.tags.filter(({ name }) => chosen.includes(name));
  if (map.tags.length === 0) return <NoTags map={map} />;
  return (
    <>
      <Overview map={map} />
      <Strip tag={map.tags.find(({ name }) => name === (looked ?? chosen.at(-1))) ?? null} />
      <TrainMapTable map={map} chosen={chosen} wave={wave?.wave} onChoose={onChoose} onLook={setLooked} />
      {map.waves.every(({ nodes }) => nodes === 0) ? <NoNodes /> : null}
      <div class="panels">
        {tags.length > 0 ? (
          <TagPanel map={map} tags={tags} />
        ) : wave === undefined ? null : (
          <WavePanel map={map} wave={wave} />
        )}
        <ComingPanel map={map} />
      </div>
      {map.notes.map((note) => (
        <p key={note} class="note">
          {sentence(note)}
        </p>
      ))}
    </>
  );
}

function instantIn(text: string | undefined): number | null {
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? null : at;
}
