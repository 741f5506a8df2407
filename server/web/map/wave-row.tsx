import type { MapWave } from '../../../protocol/api/train.ts';
import { memo } from '../memo.ts';
import { becomeWith } from '../place.ts';
import { compact } from '../words.ts';
import { cellsOf, type ShownCell } from './cells.ts';
import type { Column } from './columns.ts';
import { markFor } from './marks.ts';
import { trackOf } from './track.ts';
import { TrackLines } from './track-lines.tsx';
import { WaveName } from './wave-name.tsx';

interface Props {
  readonly wave: MapWave;
  readonly columns: readonly Column[];
  readonly columnOf: ReadonlyMap<string, number>;
  readonly isChosen: boolean;
  readonly isStopped: boolean;
}

export const WaveRow = memo(function WaveRow({ wave, columns, columnOf, isChosen, isStopped }: Props) {
  const cells = cellsOf(wave);
  const track = trackOf(wave, columnOf);
  const arrivals = new Map(track.arrivals.map((arrival) => [arrival.column, arrival.inHours]));
  return (
    <tr class={isStopped ? 'map-row is-stopped' : 'map-row'}>
      <WaveName
        wave={wave}
        isChosen={isChosen}
        isStopped={isStopped}
        onChoose={() => becomeWith({ wave: isChosen ? undefined : wave.wave, tag: undefined })}
      />
      {columns.map((column, index) => (
        <td key={column.name} class={classOf(column, wave.environment)}>
          {index === 0 ? <TrackLines track={track} columns={columns.length} /> : null}
          <Stop cell={cells.get(column.name)} isNow={index === track.now} inHours={arrivals.get(index)} />
        </td>
      ))}
    </tr>
  );
});

function classOf({ kind, tag }: Column, environment: string): string {
  const mark = tag === null ? 'none' : markFor(tag, environment);
  return `map-cell is-${kind} map-mark-${mark}`;
}

interface StopProps {
  readonly cell: ShownCell | undefined;
  readonly isNow: boolean;
  readonly inHours: number | undefined;
}

function Stop({ cell, isNow, inHours }: StopProps) {
  if (cell === undefined) {
    if (isNow) return <span class="stop-here" title="what it gets now; no node was told yet" />;
    return inHours === undefined ? null : <Arrival inHours={inHours} />;
  }
  const classes = ['stop-nodes', ...(isNow ? ['is-now'] : []), ...(cell.isLeftOver ? ['is-left-over'] : [])];
  return (
    <>
      <span class={classes.join(' ')} title={cell.words}>
        <span class="stop-fill" style={{ width: `${cell.filled * 100}%` }} />
        <span class="stop-number" aria-hidden="true">
          {compact(cell.nodes)}
        </span>
        <span class="unseen">{cell.words}</span>
      </span>
      {cell.failing > 0 ? (
        <span class="stop-failing" aria-hidden="true">
          ▲{compact(cell.failing)}
        </span>
      ) : null}
      {inHours === undefined ? null : <Arrival inHours={inHours} isBeside />}
    </>
  );
}

function Arrival({ inHours, isBeside = false }: { readonly inHours: number; readonly isBeside?: boolean }) {
  const classes = ['stop-arrival', ...(inHours === 1 ? ['is-next'] : []), ...(isBeside ? ['is-beside'] : [])];
  return (
    <span class={classes.join(' ')}>
      +{inHours}
      <span class="unseen"> {inHours === 1 ? 'hour' : 'hours'} until it is here</span>
    </span>
  );
}
