import { Loaded } from '../parts/states.tsx';
import { hrefOf, type Place } from '../router.ts';
import { useStatus } from '../summary.ts';
import { count } from '../words.ts';
import { NoProblems, ProblemList } from './problems/list.tsx';
import './parts/parts.css';
import './problems/problems.css';

/** What an operator should fix, and how. */
export function ProblemsPage(_: { readonly place: Place }) {
  const data = useStatus();
  const problems = data.value?.problems ?? null;
  return (
    <div class="problems-page">
      <header class="page-head">
        <h1>Problems</h1>
        <p class="total" role="status">
          {problems === null || problems.length === 0 ? '' : count(problems.length, 'problem')}
        </p>
        <a class="push" href={hrefOf(['events'], { kinds: 'problem-raised,problem-cleared' })}>
          Earlier ones
        </a>
      </header>
      <Loaded data={data} what="the problems" rem={16}>
        {(status) =>
          status.problems.length === 0 ? <NoProblems status={status} /> : <ProblemList problems={status.problems} />
        }
      </Loaded>
    </div>
  );
}
