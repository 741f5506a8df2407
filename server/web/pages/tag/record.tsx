import type { ShownTag } from '../../../../protocol/api/tags.ts';
import { Mark } from '../../parts/mark.tsx';
import { Time } from '../../parts/time.tsx';
import { hrefOf } from '../../router.ts';
import { grouped } from '../../words.ts';
import { Facts } from '../parts/facts.tsx';
import { markGroups } from '../tags/list.ts';

interface Props {
  readonly tag: ShownTag;
  readonly environments: readonly string[];
}

const ORIGINS: Readonly<Record<ShownTag['origin'], string>> = {
  cron: 'on the hour',
  late: 'late, of what had been fetched by its hour',
  backfill: 'afterwards, from the history of the repository',
  manual: 'by hand',
};

/** What is known of a tag, and what it is marked. */
export function TagRecord({ tag, environments }: Props) {
  const { subject, author, commit, commits, created, fetched, origin, stale, broken, ahead } = tag;
  return (
    <section class="card" aria-labelledby="record">
      <h2 id="record" class="tag-subject">
        {subject === '' ? 'No subject' : subject}
      </h2>
      {broken === null ? null : (
        <p class="tag-broken">
          <Mark state="broken" words /> It cannot be served: {broken}
        </p>
      )}
      {ahead ? <p class="quiet">Its hour has not come; it is not served before.</p> : null}
      <Marks tag={tag} environments={environments} />
      <Facts
        facts={[
          ['Author', author],
          ['Commit', <code key="commit">{commit}</code>],
          [
            'Commits',
            commits === null
              ? null
              : commits === 0
                ? 'none since the tag before'
                : `${grouped(commits)} since the tag before`,
          ],
          [
            'Made',
            <span key="made">
              <Time at={created} />, {ORIGINS[origin]}
            </span>,
          ],
          ['Fetched', fetched === null ? null : <Time key="fetched" at={fetched} />],
          ['Stale', stale ? 'the repository could not be read when it was made' : null],
          [
            'Events',
            <a key="events" href={hrefOf(['events'], { subject: tag.name })}>
              what happened to it
            </a>,
          ],
        ]}
      />
    </section>
  );
}

function Marks({ tag, environments }: Props) {
  const groups = markGroups(tag);
  if (groups.length === 0)
    return (
      <p class="mark-list">
        <Mark state="none" words />
      </p>
    );
  return (
    <ul class="plain-list mark-list">
      {groups.map(({ state, reason, where, environments: named }) => (
        <li key={`${where} ${state}`}>
          <Mark state={state} words /> {named.length >= environments.length ? 'everywhere' : `for ${named.join(', ')}`}
          {reason === '' ? '' : `: ${reason}`} <span class="quiet">({where})</span>
        </li>
      ))}
    </ul>
  );
}
