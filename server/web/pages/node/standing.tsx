import type { NodeRecord } from '../../../../protocol/api/nodes.ts';
import { Answer } from '../../parts/answer.tsx';
import { Time } from '../../parts/time.tsx';
import { hrefOf } from '../../router.ts';
import { grouped } from '../../words.ts';
import { Facts } from '../parts/facts.tsx';
import { OutcomeWord } from '../parts/outcome.tsx';

/** What is known of a node now. */
export function Standing({ record }: { readonly record: NodeRecord }) {
  const { node, groups, firstSeen, polls, digest, facts } = record;
  return (
    <section class="card standing" aria-labelledby="standing">
      <h2 id="standing">Now</h2>
      <Facts
        facts={[
          ['Runs', <Answer key="runs" answer={node.running} />],
          ['Was told', node.told === node.running ? null : <Answer key="told" answer={node.told} />],
          ['Is due', node.due === node.told ? null : <Answer key="due" answer={node.due} />],
          ['Digest', digest === null ? null : <code title={digest}>{digest.slice(0, 23)}…</code>],
          ['Last outcome', <OutcomeWord key="outcome" outcome={node.outcome} />],
          ['Last seen', <Time key="seen" at={node.lastSeen} />],
          ['First seen', <Time key="first" at={firstSeen} />],
          ['Asked', `${grouped(polls)} times`],
          [
            'Environment',
            <a key="env" href={hrefOf(['nodes'], { environment: node.environment })}>
              {node.environment}
            </a>,
          ],
          ['Groups', groups.length === 0 ? 'none' : groups.join(', ')],
          ...Object.entries(facts).map(([name, value]) => [name, value] as const),
        ]}
      />
    </section>
  );
}
