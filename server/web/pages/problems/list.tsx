import type { ShownProblem } from '../../../../protocol/api/problem.ts';
import type { ShownStatus } from '../../../../protocol/api/status.ts';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { hrefOf } from '../../router.ts';
import { count } from '../../words.ts';
import { Prose } from '../parts/prose.tsx';

/** Errors first, the newest of each first. */
export function ProblemList({ problems }: { readonly problems: readonly ShownProblem[] }) {
  const rank = ({ severity }: ShownProblem): number => (severity === 'error' ? 0 : 1);
  const sorted = problems.toSorted((one, other) => rank(one) - rank(other) || (one.since < other.since ? 1 : -1));
  return (
    <ul class="plain-list problems">
      {sorted.map((problem) => (
        <Problem key={problem.id} problem={problem} />
      ))}
    </ul>
  );
}

function Problem({ problem }: { readonly problem: ShownProblem }) {
  const { id, severity, sentence, hint, file, line, since } = problem;
  return (
    <li class={`card problem problem-${severity}`}>
      <p class="problem-head">
        <span class="problem-severity">
          <span aria-hidden="true">{severity === 'error' ? '✕' : '!'}</span> {severity}
        </span>
        <span class="quiet">
          since <Time at={since} />
        </span>
      </p>
      <h2 class="problem-sentence">
        <Prose text={sentence} />
      </h2>
      <p class="problem-hint">
        <span aria-hidden="true">→ </span>
        <Prose text={hint} />
      </p>
      <p class="problem-foot quiet">
        {file === undefined ? '' : `${file}${line === undefined || line === 0 ? '' : ` line ${line}`} · `}
        <a href={hrefOf(['events'], { subject: id })}>{id}</a>
      </p>
    </li>
  );
}

/** What is fine, so that it can be seen that somebody looked. */
export function NoProblems({ status: { nodes, tags, waves } }: { readonly status: ShownStatus }) {
  return (
    <Empty title="No problems">
      <p class="fine">
        <span class="fine-sign" aria-hidden="true">
          ✓
        </span>{' '}
        The control files can be read and mean something, the repository is fetched, and each hour has its tag:{' '}
        {count(tags.count, 'tag')}, {count(waves.length, 'wave')}, {count(nodes.known, 'node')}.
      </p>
      {nodes.silentCount === 0 ? null : (
        <p>
          Nodes that are not heard of are no problem of the server:{' '}
          <a href={hrefOf(['nodes'], { silent: 'yes' })}>{count(nodes.silentCount, 'silent node')}</a>.
        </p>
      )}
    </Empty>
  );
}
