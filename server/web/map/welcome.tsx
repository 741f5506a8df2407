import type { TrainMap } from '../../../protocol/api/train.ts';
import { Empty } from '../parts/states.tsx';
import { hrefOf } from '../router.ts';

/** What to do on the first day. */
export function NoTags({ map }: { readonly map: TrainMap }) {
  if (map.tense === 'past')
    return (
      <Empty title="There was no tag yet">
        <p>Move the slider to the right.</p>
      </Empty>
    );
  return (
    <Empty title="There is no tag yet">
      <p>The next one is made at the full hour from the tip of the configuration branch. To have one at once:</p>
      <pre class="shell">tagwave-server snapshot</pre>
      <p>
        To begin with the tags of the past hours, as the history of the branch has them:{' '}
        <code>tagwave-server snapshot --backfill 24</code>. If one should be here and is not,{' '}
        <a href={hrefOf(['problems'])}>the problems</a> say why.
      </p>
    </Empty>
  );
}

export function NoNodes() {
  return (
    <Empty title="No node has asked yet">
      <p>On a host, with the URL of this server:</p>
      <pre class="shell">{`curl -s ${location.origin}${location.pathname.replace(/\/$/, '')}/install.sh | sh`}</pre>
      <p>It shows here as soon as it has asked. Which wave it is in is said by nodes.yml and schedule.yml.</p>
    </Empty>
  );
}
