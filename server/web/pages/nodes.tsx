import { useMemo } from 'preact/hooks';
import type { ShownStatus } from '../../../protocol/api/status.ts';
import { useData } from '../data.ts';
import { Empty, Failure, Loading } from '../parts/states.tsx';
import { become, go } from '../place.ts';
import { hrefOf, type Place } from '../router.ts';
import { absolute, count, grouped } from '../words.ts';
import { Filters } from './nodes/filters.tsx';
import { type Fleet, useFleet } from './nodes/fleet.ts';
import { match } from './nodes/match.ts';
import { ordered } from './nodes/order.ts';
import { isFiltered, type NodesQuery, nodesQueryTexts, outcomeOf, parseNodesQuery } from './nodes/query.ts';
import { NodeTable } from './nodes/table.tsx';
import { AtPicker, Then } from './parts/at-picker.tsx';
import './parts/parts.css';
import './nodes/nodes.css';

/** The fleet: searched, filtered and sorted here, since it comes as a whole; the URL says how. */
export function NodesPage({ place }: { readonly place: Place }) {
  const query = useMemo(() => parseNodesQuery(place.query), [place]);
  const fleet = useFleet(query);
  const waves = useData<ShownStatus>('v1/status', ['settings']).value?.waves ?? NONE;
  const { nodes } = fleet;
  const { sort, descending } = query;
  const inOrder = useMemo(
    () => (nodes === null ? null : ordered(nodes, { sort, descending, waves })),
    [nodes, sort, descending, waves],
  );
  const matched = useMemo(() => (inOrder === null ? null : match(inOrder, query)), [inOrder, query]);
  const outcomes = useMemo(() => [...new Set((nodes ?? []).map(outcomeOf))], [nodes]);
  const href = (changes: Partial<NodesQuery>): string => hrefOf(['nodes'], nodesQueryTexts({ ...query, ...changes }));
  return (
    <div class="nodes-page">
      <header class="page-head">
        <h1>Nodes</h1>
        <Total fleet={fleet} found={matched?.nodes.length ?? null} />
        <AtPicker at={query.at} onAt={(at) => go(href({ at }))} />
      </header>
      {query.at === null ? null : <Then at={query.at} />}
      <label class="search">
        <span class="unseen">Search by host name</span>
        <input
          type="search"
          placeholder="Search by host name, such as web east or web*.qa.example.com"
          value={query.q}
          spellcheck={false}
          autocapitalize="off"
          onInput={(event) => become(href({ q: event.currentTarget.value }))}
        />
      </label>
      <Filters
        query={query}
        matched={matched}
        outcomes={outcomes}
        waves={waves}
        onChange={(changes) => go(href(changes))}
      />
      <Stale fleet={fleet} />
      {matched === null ? (
        <NotHere fleet={fleet} />
      ) : matched.nodes.length === 0 ? (
        <Nothing query={query} all={hrefOf(['nodes'], { at: query.at ?? undefined })} />
      ) : (
        <NodeTable nodes={matched.nodes} query={query} onSort={(by) => become(href(by))} />
      )}
    </div>
  );
}

const NONE: ShownStatus['waves'] = [];

function Total({ fleet: { nodes, isCut }, found }: { readonly fleet: Fleet; readonly found: number | null }) {
  const all = nodes === null ? '' : isCut ? `the first ${grouped(nodes.length)}` : grouped(nodes.length);
  const words =
    nodes === null || found === null
      ? ''
      : found === nodes.length && !isCut
        ? count(found, 'node')
        : `${grouped(found)} of ${all}`;
  return (
    <p class="total" role="status">
      {words}
    </p>
  );
}

function Stale({ fleet: { nodes, failure, asOf } }: { readonly fleet: Fleet }) {
  if (nodes === null || failure === null || asOf === null) return null;
  return (
    <p class="stale" role="status">
      These are the nodes as of {absolute(asOf, { seconds: true })}: {failure.title}.
    </p>
  );
}

function NotHere({ fleet: { failure, reload } }: { readonly fleet: Fleet }) {
  return failure === null ? (
    <Loading what="Loading the nodes" rem={30} />
  ) : (
    <Failure failure={failure} onAgain={reload} />
  );
}

function Nothing({ query, all }: { readonly query: NodesQuery; readonly all: string }) {
  if (isFiltered(query))
    return (
      <Empty title="No node is like that">
        <p>
          <a href={all}>Show all nodes</a>, or take one of the filters away.
        </p>
      </Empty>
    );
  return (
    <Empty title={query.at === null ? 'No node has asked yet' : 'No node had asked by then'}>
      <p>
        A node is listed as soon as it asks for its tag, which takes no more than one line for cron:{' '}
        <code>tagwave poll --server {location.origin}</code>
      </p>
    </Empty>
  );
}
