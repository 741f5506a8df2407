import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { TrainMap } from '../../../protocol/api/train.ts';
import { memo } from '../memo.ts';
import type { Click } from './choosing.ts';
import { type Column, columnsOf } from './columns.ts';
import { ColumnHeads, DayHeads, howOf } from './heads.tsx';
import { COLUMN_WIDTH } from './track.ts';
import { WaveRow } from './wave-row.tsx';

interface Props {
  readonly map: TrainMap;
  readonly chosen: readonly string[];
  readonly wave: string | undefined;
  readonly onChoose: (click: Omit<Click, 'chosen'>) => void;
  readonly onLook: (name: string | null) => void;
}

/** Tags as columns, waves as rows. A table: what a row or column is about is read out with each cell. */
export const TrainMapTable = memo(function TrainMapTable({ map, chosen, wave: chosenWave, onChoose, onLook }: Props) {
  const columns = useColumns(map);
  const columnOf = useMemo(() => new Map(columns.map(({ name }, index) => [name, index])), [columns]);
  const environments = useMemo(() => [...new Set(map.waves.map(({ environment }) => environment))], [map.waves]);
  const order = useMemo(() => columns.flatMap(({ tag, name }) => (tag === null ? [] : [name])), [columns]);
  const chosenSet = useMemo(() => new Set(chosen), [chosen]);
  const choose = useCallback((name: string, how: Click['how']) => onChoose({ order, name, how }), [order, onChoose]);
  const room = useRef<HTMLElement>(null);
  useScrolledToNow(room, columns.length, oldestNow(map, columnOf));
  useCells(room, { columns, onChoose: choose, onLook });
  const stopped = new Set(
    map.killswitch.flatMap(({ environment, stopsAll }) => (stopsAll ? ['*'] : [environment ?? '*'])),
  );
  return (
    <section class="map-room" ref={room} aria-label="Train map" tabIndex={-1}>
      {chosen.map((name) => (
        <ChosenColumn key={name} index={columnOf.get(name)} />
      ))}
      <table class="map" style={{ width: `calc(var(--names) + ${columns.length * COLUMN_WIDTH}px)` }}>
        <caption class="unseen">
          Hourly tags as columns, oldest first; waves as rows in the order in which tags reach them. Each cell says how
          many nodes of the wave were told and run the tag.
        </caption>
        <colgroup>
          <col class="map-names" />
          <col span={columns.length} />
        </colgroup>
        <thead>
          <DayHeads columns={columns} />
          <ColumnHeads
            columns={columns}
            environments={environments}
            chosen={chosenSet}
            onChoose={choose}
            onLook={onLook}
          />
        </thead>
        <tbody>
          {map.waves.map((wave) => (
            <WaveRow
              key={wave.wave}
              wave={wave}
              columns={columns}
              columnOf={columnOf}
              isChosen={wave.wave === chosenWave}
              isStopped={stopped.has('*') || stopped.has(wave.environment)}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
});

/** Nothing else changes when a tag is chosen, however many waves there are. */
function ChosenColumn({ index }: { readonly index: number | undefined }) {
  if (index === undefined) return null;
  return (
    <div
      class="map-chosen"
      style={{ left: `calc(var(--names) + ${index * COLUMN_WIDTH}px)`, width: `${COLUMN_WIDTH}px` }}
    />
  );
}

/** The same for as long as the hour and the tags are. */
function useColumns(map: TrainMap): Column[] {
  const { tags, hours } = map;
  const hour = map.at.slice(0, 13);
  const ahead = map.waves[0]?.path.length ?? 0;
  return useMemo(() => columnsOf(map), [tags, hours, hour, ahead]);
}

/**
 * To begin with at the newest, as far as what is oldest of where waves are now can be seen. It stays at the right end when newer
 * tags come, unless somebody has scrolled away.
 */
function useScrolledToNow(room: RefObject<HTMLElement | null>, columns: number, oldestNow: number): void {
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const element = room.current;
    if (element === null) return;
    const look = (): void => {
      isAtEnd.current = element.scrollLeft >= restOf(element, oldestNow) - COLUMN_WIDTH;
    };
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [room, oldestNow]);
  useLayoutEffect(() => {
    const element = room.current;
    if (element !== null && isAtEnd.current) element.scrollLeft = restOf(element, oldestNow);
  }, [room, columns, oldestNow]);
}

function restOf(element: HTMLElement, oldestNow: number): number {
  return Math.min(element.scrollWidth - element.clientWidth, (oldestNow - 0.5) * COLUMN_WIDTH);
}

function oldestNow({ waves }: TrainMap, columnOf: ReadonlyMap<string, number>): number {
  return Math.min(columnOf.size, ...waves.flatMap(({ answer }) => columnOf.get(answer) ?? []));
}

interface CellActions {
  readonly columns: readonly Column[];
  readonly onChoose: (name: string, how: Click['how']) => void;
  readonly onLook: (name: string | null) => void;
}

/** A pointer on a cell is as good as on the head of its column. Keys have the heads. */
function useCells(room: RefObject<HTMLElement | null>, { columns, onChoose, onLook }: CellActions): void {
  useEffect(() => {
    const element = room.current;
    if (element === null) return;
    const nameAt = (event: Event): string | null => {
      const cell =
        event.target instanceof Element ? event.target.closest<HTMLTableCellElement>('.map-cell, .map-head') : null;
      const column = cell === null ? undefined : columns[cell.cellIndex - 1];
      return column === undefined || column.tag === null ? null : column.name;
    };
    const click = (event: MouseEvent): void => {
      const name = nameAt(event);
      const isHead = event.target instanceof Element && event.target.closest('button') !== null;
      if (name !== null && !isHead) onChoose(name, howOf(event));
    };
    const over = (event: Event): void => onLook(nameAt(event));
    const leave = (): void => onLook(null);
    element.addEventListener('click', click);
    element.addEventListener('pointerover', over);
    element.addEventListener('pointerleave', leave);
    return () => {
      element.removeEventListener('click', click);
      element.removeEventListener('pointerover', over);
      element.removeEventListener('pointerleave', leave);
    };
  }, [room, columns, onChoose, onLook]);
}
