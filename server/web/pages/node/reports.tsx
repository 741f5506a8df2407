import type { ShownReport } from '../../../../protocol/api/nodes.ts';
import { Answer } from '../../parts/answer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { count, grouped } from '../../words.ts';
import { OutcomeWord } from '../parts/outcome.tsx';

/** What a node said of its runs, newest first. */
export function Reports({ reports }: { readonly reports: readonly ShownReport[] }) {
  if (reports.length === 0)
    return (
      <Empty title="No report yet">
        <p>Reports come when something happened, and once a day; what a node runs is known from its polls.</p>
      </Empty>
    );
  return (
    <ol class="entries">
      {reports.map((report) => (
        <Report key={report.runId} report={report} />
      ))}
    </ol>
  );
}

function Report({ report }: { readonly report: ShownReport }) {
  const { outcome, tag, receivedAt, durationMs, changed, error, drifted, clientVersion } = report;
  return (
    <li class="entry">
      <div class="entry-head">
        <OutcomeWord outcome={outcome} />
        {tag === null ? null : <Answer answer={tag} />}
        <span class="quiet">
          {count(changed, 'file')} changed in{' '}
          {durationMs < 10_000 ? `${grouped(durationMs)} ms` : `${Math.round(durationMs / 1000)} s`}
        </span>
        <span class="entry-time">
          <Time at={receivedAt} />
        </span>
      </div>
      {error === null ? null : <pre class="output">{error}</pre>}
      {drifted === null ? null : (
        <p class="drift">
          {count(drifted.count, 'entry', 'entries')} on the disk differed and {drifted.count === 1 ? 'was' : 'were'} put
          right: <code>{drifted.paths.join(' ')}</code>
          {drifted.count > drifted.paths.length ? ' …' : ''}
        </p>
      )}
      <p class="entry-foot quiet">
        run {report.runId}
        {clientVersion === null ? '' : ` · client ${clientVersion}`}
      </p>
    </li>
  );
}
