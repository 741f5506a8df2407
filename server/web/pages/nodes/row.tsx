import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { memo } from '../../memo.ts';
import { Answer } from '../../parts/answer.tsx';
import { Time } from '../../parts/time.tsx';
import { hrefOf } from '../../router.ts';
import { Flags } from '../parts/flags.tsx';
import { OutcomeWord } from '../parts/outcome.tsx';

interface Props {
  readonly node: BriefNode;
  /** 0-based. */
  readonly row: number;
  readonly isTabStop: boolean;
  readonly at: string | null;
}

function Row({ node, row, isTabStop, at }: Props) {
  return (
    <tr aria-rowindex={row + 2} class={node.silent ? 'node-silent' : undefined}>
      <th scope="row" class="col-host">
        <a href={hrefOf(['nodes', node.hostname], { at: at ?? undefined })} tabIndex={isTabStop ? 0 : -1}>
          {node.hostname}
        </a>
        <span class="node-more">
          <span>{node.wave}</span>
          <OutcomeWord outcome={node.outcome} />
          <Flags node={node} />
        </span>
      </th>
      <td class="col-environment minor">{node.environment}</td>
      <td class="col-wave minor">{node.wave}</td>
      <td class={node.due === node.running ? 'col-due minor quiet' : 'col-due minor'}>
        <Answer answer={node.due} short />
      </td>
      <td class="col-running">
        <Answer answer={node.running} short />
      </td>
      <td class="col-seen minor">
        <Time at={node.lastSeen} brief />
      </td>
      <td class="col-outcome minor">
        <OutcomeWord outcome={node.outcome} />
      </td>
      <td class="col-state minor">
        <Flags node={node} />
      </td>
    </tr>
  );
}

/** A list of thousands is drawn anew with each poll that comes in: most of its rows are as they were. */
export const NodeRow = memo(Row);
