import type { NodeRecord } from '../../../protocol/api/nodes.ts';
import { useData } from '../data.ts';
import { Empty, Loaded } from '../parts/states.tsx';
import { becomeWith, go, goWith } from '../place.ts';
import { hrefOf, hrefWith, type Place } from '../router.ts';
import { session, whyNoChange } from '../session.ts';
import { useStore } from '../store.ts';
import { Decision } from './node/decision.tsx';
import { Files } from './node/files.tsx';
import { History } from './node/history.tsx';
import { PinDialog } from './node/pin-dialog.tsx';
import { PinNote } from './node/pin-note.tsx';
import { Reports } from './node/reports.tsx';
import { Standing } from './node/standing.tsx';
import { AtPicker, Then } from './parts/at-picker.tsx';
import { Flags } from './parts/flags.tsx';
import { Tabs } from './parts/tabs.tsx';
import './parts/parts.css';
import './node/node.css';

/** A node: what it gets and why at any time, and all that is known of it. */
export function NodePage({ place }: { readonly place: Place }) {
  const hostname = place.path[1] ?? '';
  const at = place.query['at'] ?? null;
  const data = useData<NodeRecord>(`v1/nodes/${encodeURIComponent(hostname)}/record`, [
    'nodes',
    'tags',
    'killswitch',
    'settings',
  ]);
  const record = data.value;
  const isStranger = data.failure?.status === 404 && record === null;
  const whyNot = whyNoChange(useStore(session));
  return (
    <div class="node-page">
      <p class="trail">
        <a href={hrefOf(['nodes'])}>Nodes</a>
      </p>
      <header class="page-head">
        <h1>{hostname}</h1>
        {record === null ? null : <Flags node={record.node} />}
        <button
          type="button"
          disabled={whyNot !== null}
          title={whyNot ?? undefined}
          onClick={() => goWith({ pin: 'edit' })}
        >
          {record?.pin == null ? 'Pin…' : 'Change pin…'}
        </button>
        <AtPicker at={at} onAt={(instant) => go(hrefWith(place, { at: instant ?? undefined }))} isAhead />
      </header>
      {at === null ? null : <Then at={at} />}
      {record?.pin == null ? null : <PinNote pin={record.pin} />}
      <div class="node-top">
        <Decision key={JSON.stringify(record?.pin ?? null)} hostname={hostname} at={at} isStranger={isStranger} />
        {isStranger ? (
          <NeverAsked />
        ) : (
          <Loaded data={data} what="what is known of it" rem={14}>
            {(known) => <Standing record={known} />}
          </Loaded>
        )}
      </div>
      {record === null ? null : <Details record={record} place={place} />}
      {place.query['pin'] === 'edit' ? (
        <PinDialog
          hostname={hostname}
          record={record}
          onClose={() => becomeWith({ pin: undefined })}
          onDone={data.reload}
        />
      ) : null}
    </div>
  );
}

function NeverAsked() {
  return (
    <Empty title="It has never asked here">
      <p>What is said here is what it would get, by the groups that its name gives it.</p>
    </Empty>
  );
}

const PARTS = { reports: 'Reports', files: 'Files', history: 'What it was told' } as const;
type Part = keyof typeof PARTS;

function Details({ record, place }: { readonly record: NodeRecord; readonly place: Place }) {
  const asked = place.query['show'] ?? 'reports';
  const part: Part = asked in PARTS ? (asked as Part) : 'reports';
  const counts = { reports: record.reports.length, files: undefined, history: record.history.length };
  const keys = Object.keys(PARTS) as readonly Part[];
  return (
    <section class="details" aria-label={PARTS[part]}>
      <Tabs
        title="Of this node"
        current={part}
        tabs={keys.map((key) => ({
          key,
          title: PARTS[key],
          count: counts[key],
          href: hrefWith(place, { show: key === 'reports' ? undefined : key }),
        }))}
      />
      {part === 'reports' ? <Reports reports={record.reports} /> : null}
      {part === 'files' ? <Files node={record.node} place={place} /> : null}
      {part === 'history' ? <History hostname={record.node.hostname} history={record.history} /> : null}
    </section>
  );
}
