import { memo } from '../memo.ts';
import { Mark } from '../parts/mark.tsx';
import { MARK_WORDS } from '../parts/mark-state.ts';
import { clock, day, personOf } from '../words.ts';
import type { Click } from './choosing.ts';
import { type Column, daysOf } from './columns.ts';
import { summaryOf } from './marks.ts';
import { barHeight, sizeWords } from './size.ts';

export const DayHeads = memo(function DayHeads({ columns }: { readonly columns: readonly Column[] }) {
  return (
    <tr class="map-days">
      <td class="map-corner" />
      {daysOf(columns).map((span) => (
        <th key={span.day ?? 'older'} scope="colgroup" colSpan={span.columns}>
          <span class="map-day">{span.day === null ? 'older' : day(span.day)}</span>
        </th>
      ))}
    </tr>
  );
});

interface HeadsProps {
  readonly columns: readonly Column[];
  readonly environments: readonly string[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (name: string, how: Click['how']) => void;
  readonly onLook: (name: string | null) => void;
}

/** One button a tag. Only one of them is reached by Tab; the arrow keys go on from there. */
export const ColumnHeads = memo(function ColumnHeads({ columns, environments, chosen, onChoose, onLook }: HeadsProps) {
  const last = columns.findLast(({ tag }) => tag !== null)?.name;
  const entry = columns.find(({ name }) => chosen.has(name))?.name ?? last;
  return (
    <tr class="map-heads" onKeyDown={(event) => walk(event, onChoose)}>
      <th scope="col" class="map-corner">
        <span class="unseen">Wave</span>
      </th>
      {columns.map((column) =>
        column.tag === null ? (
          <EmptyHead key={column.name} column={column} />
        ) : (
          <Head
            key={column.name}
            column={column}
            environments={environments}
            isChosen={chosen.has(column.name)}
            isEntry={column.name === entry}
            onChoose={onChoose}
            onLook={onLook}
          />
        ),
      )}
    </tr>
  );
});

function EmptyHead({ column: { kind, hour } }: { readonly column: Column }) {
  return (
    <th scope="col" class={`map-head is-${kind}`}>
      <span class="map-hour">{clock(hour).slice(0, 2)}</span>
      <span class="unseen">{kind === 'future' ? ':00, to come' : ':00, no tag'}</span>
    </th>
  );
}

interface HeadProps {
  readonly column: Column;
  readonly environments: readonly string[];
  readonly isChosen: boolean;
  readonly isEntry: boolean;
  readonly onChoose: HeadsProps['onChoose'];
  readonly onLook: HeadsProps['onLook'];
}

const Head = memo(function Head({ column, environments, isChosen, isEntry, onChoose, onLook }: HeadProps) {
  const { tag, name, hour } = column;
  if (tag === null) return null;
  const mark = summaryOf(tag, environments);
  const classes = [
    'map-head',
    `map-mark-${mark.state}`,
    ...(tag.isNew ? ['map-new'] : []),
    ...(isChosen ? ['is-chosen'] : []),
  ];
  return (
    <th scope="col" class={classes.join(' ')}>
      <button
        type="button"
        class="map-tag"
        data-tag={name}
        tabIndex={isEntry ? 0 : -1}
        aria-pressed={isChosen}
        onClick={(event) => onChoose(name, howOf(event))}
        onFocus={() => onLook(name)}
        onBlur={() => onLook(null)}
      >
        <span class="map-bar" aria-hidden="true">
          {tag.isNew ? <span style={{ height: `${barHeight(tag.size)}px` }} /> : null}
        </span>
        <span class="map-hour" aria-hidden="true">
          {clock(hour).slice(0, 2)}
        </span>
        <span class={mark.isPartial ? 'map-sign is-partial' : 'map-sign'} aria-hidden="true">
          {mark.state === 'none' ? null : <Mark state={mark.state} />}
        </span>
        <span class="unseen">
          {`${day(hour)} ${clock(hour)}, ${MARK_WORDS[mark.state]}${mark.isPartial ? ' for some environments' : ''}. `}
          {tag.isNew ? `${tag.subject}, by ${personOf(tag.author)}${sizeWords(tag.size)}` : 'No new commit'}
        </span>
      </button>
    </th>
  );
});

export function howOf(event: {
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}): Click['how'] {
  if (event.shiftKey) return 'range';
  return event.ctrlKey || event.metaKey ? 'toggle' : 'only';
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -12,
  PageDown: 12,
  Home: -Infinity,
  End: Infinity,
};

/** With shift what is passed is chosen, as in a list. */
function walk(event: KeyboardEvent & { readonly currentTarget: HTMLElement }, onChoose: HeadsProps['onChoose']): void {
  const step = STEPS[event.key];
  if (step === undefined || !(event.target instanceof HTMLElement)) return;
  event.preventDefault();
  const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('.map-tag')];
  const at = buttons.indexOf(event.target);
  const next = buttons[Math.min(buttons.length - 1, Math.max(0, at + step))];
  if (next === undefined) return;
  next.focus();
  next.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  const name = next.dataset['tag'];
  if (!event.shiftKey || name === undefined) return;
  const start = event.target.dataset['tag'];
  if (start !== undefined && buttons.every((button) => button.ariaPressed !== 'true')) onChoose(start, 'only');
  onChoose(name, 'range');
}
