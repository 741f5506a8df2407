import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import type { NodesQuery, Sort } from './query.ts';
import { NodeRow } from './row.tsx';
import { rowAfter } from './rows-in-view.ts';
import { useRowsInView } from './window.ts';

const COLUMNS: readonly { readonly sort: Sort; readonly title: string; readonly isMinor?: boolean }[] = [
  { sort: 'host', title: 'Host' },
  { sort: 'environment', title: 'Environment', isMinor: true },
  { sort: 'wave', title: 'Wave', isMinor: true },
  { sort: 'due', title: 'Due', isMinor: true },
  { sort: 'running', title: 'Running' },
  { sort: 'seen', title: 'Last seen', isMinor: true },
  { sort: 'outcome', title: 'Last outcome', isMinor: true },
  { sort: 'state', title: 'State', isMinor: true },
];

interface Props {
  readonly nodes: readonly BriefNode[];
  readonly query: NodesQuery;
  readonly onSort: (sort: Pick<NodesQuery, 'sort' | 'descending'>) => void;
}

/** Any number of nodes: only the rows in view are there, and say which of how many they are. */
export function NodeTable({ nodes, query, onSort }: Props) {
  const body = useRef<HTMLTableSectionElement>(null);
  const { from, to, rowHeight } = useRowsInView(body, nodes.length);
  const active = useActiveRow(body, nodes.length, rowHeight);
  /** As high as the rows that are not there. */
  const room = (rows: number): string => `${rows * rowHeight}px`;
  const stop = active >= from && active < to ? active : from;
  return (
    <div class="nodes-table">
      <table aria-rowcount={nodes.length + 1}>
        <caption class="unseen">Nodes. The arrow keys go from row to row.</caption>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <Heading key={column.sort} {...column} query={query} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} style={{ '--room-before': room(from), '--room-after': room(nodes.length - to) }}>
          {nodes.slice(from, to).map((node, index) => (
            <NodeRow
              key={node.hostname}
              node={node}
              row={from + index}
              isTabStop={from + index === stop}
              at={query.at}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadingProps extends Pick<Props, 'query' | 'onSort'> {
  readonly sort: Sort;
  readonly title: string;
  readonly isMinor?: boolean;
}

function Heading({ sort, title, isMinor = false, query, onSort }: HeadingProps) {
  const isBy = query.sort === sort;
  const direction = isBy ? (query.descending ? 'descending' : 'ascending') : undefined;
  return (
    <th scope="col" class={`col-${sort}${isMinor ? ' minor' : ''}`} aria-sort={direction}>
      <button type="button" class="sort" onClick={() => onSort({ sort, descending: isBy && !query.descending })}>
        {title}
        <span aria-hidden="true" class="sort-sign">
          {isBy ? (query.descending ? '↓' : '↑') : ''}
        </span>
      </button>
    </th>
  );
}

/** One row at a time can be reached with the tab key; from there the arrows lead on, also to rows that are not drawn yet. */
function useActiveRow(body: RefObject<HTMLElement | null>, count: number, rowHeight: number): number {
  const [chosen, setActive] = useState(0);
  const active = Math.min(chosen, Math.max(0, count - 1));
  const wanted = useRef<number | null>(null);
  useEffect(() => {
    const link = wanted.current === null ? null : linkOf(body.current, wanted.current);
    if (link === null) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  });
  useEffect(() => {
    const rows = body.current;
    if (rows === null) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const page = Math.max(1, Math.floor(innerHeight / rowHeight) - 3);
      const next = rowAfter(event.key, active, { count, page });
      if (next === undefined) return;
      event.preventDefault();
      wanted.current = next;
      setActive(next);
      scrollToRow(rows, next, rowHeight);
    };
    const onFocus = (event: FocusEvent): void => {
      const row = event.target instanceof Element ? event.target.closest('tr')?.ariaRowIndex : undefined;
      if (row) setActive(Number(row) - 2);
    };
    rows.addEventListener('keydown', onKey);
    rows.addEventListener('focusin', onFocus);
    return () => {
      rows.removeEventListener('keydown', onKey);
      rows.removeEventListener('focusin', onFocus);
    };
  }, [body, active, count, rowHeight]);
  return active;
}

function linkOf(body: HTMLElement | null, row: number): HTMLElement | null {
  return body?.querySelector<HTMLElement>(`tr[aria-rowindex="${row + 2}"] a`) ?? null;
}

/** As far as needed, and not at once to the edge. */
function scrollToRow(body: HTMLElement, row: number, rowHeight: number): void {
  const top = body.getBoundingClientRect().top + row * rowHeight;
  const [first, last] = [3 * rowHeight, innerHeight - 2 * rowHeight];
  if (top < first) scrollBy(0, top - first);
  else if (top > last) scrollBy(0, top - last);
}
