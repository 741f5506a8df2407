import { COLUMN_WIDTH, type Leg, legLine, ROW_HEIGHT, type Track } from './track.ts';

/** The way of one wave, drawn through its whole row. */
export function TrackLines({ track, columns }: { readonly track: Track; readonly columns: number }) {
  const width = columns * COLUMN_WIDTH;
  return (
    <svg class="track" width={width} height={ROW_HEIGHT} viewBox={`0 0 ${width} ${ROW_HEIGHT}`} aria-hidden="true">
      {track.legs.map((leg) => (
        <path key={leg.from} class={classOf(leg)} d={legLine(leg, leg.from === track.now)} />
      ))}
    </svg>
  );
}

function classOf({ isNext, isBack }: Leg): string {
  return `leg${isNext ? ' is-next' : ''}${isBack ? ' is-back' : ''}`;
}
