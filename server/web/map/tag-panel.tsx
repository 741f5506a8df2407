import type { MapTag, TrainMap } from '../../../protocol/api/train.ts';
import { Mark } from '../parts/mark.tsx';
import { TagName } from '../parts/tag-name.tsx';
import { Time } from '../parts/time.tsx';
import { becomeWith, goWith } from '../place.ts';
import { hrefOf } from '../router.ts';
import { clock, count, day, personOf } from '../words.ts';
import { reasonsOf, summaryOf } from './marks.ts';
import { sizeWords } from './size.ts';
import { WhereList } from './where-list.tsx';

interface Props {
  readonly map: TrainMap;
  readonly tags: readonly MapTag[];
}

/** The chosen tags, and what can be done with them. */
export function TagPanel({ map, tags }: Props) {
  const [only] = tags;
  if (only === undefined) return null;
  return (
    <section class="card panel" aria-label="Chosen tags">
      <header class="panel-head">
        <h2>
          {tags.length === 1 ? `${day(Date.parse(only.hour))} ${clock(Date.parse(only.hour))}` : `${tags.length} tags`}
        </h2>
        <span class="row">
          <button type="button" class="main" onClick={() => goWith({ mark: tags.map(({ name }) => name).join() })}>
            Mark{tags.length === 1 ? '' : ` ${tags.length} tags`}…
          </button>
          <button type="button" class="plain" onClick={() => becomeWith({ tag: undefined })}>
            Clear
          </button>
        </span>
      </header>
      {tags.length === 1 ? <OneTag map={map} tag={only} /> : <SeveralTags map={map} tags={tags} />}
    </section>
  );
}

function OneTag({ map, tag }: { readonly map: TrainMap; readonly tag: MapTag }) {
  return (
    <>
      <p class="panel-subject">
        {tag.isNew ? tag.subject : <span class="quiet">No new commit since the tag before</span>}
      </p>
      <p class="quiet">
        {tag.isNew ? `${personOf(tag.author)}${sizeWords(tag.size)}` : personOf(tag.author)} ·{' '}
        <code>{tag.commit.slice(0, 10)}</code> · made <Time at={tag.created} brief />
        {tag.origin === 'cron' ? '' : ` (${tag.origin})`}
        {tag.stale ? ' · from an old fetch' : ''}
      </p>
      <Marks map={map} tag={tag} />
      <h3>Where it is</h3>
      <WhereList map={map} name={tag.name} />
      <p class="panel-links">
        <TagName name={tag.name} />
        <a href={hrefOf(['tags', tag.name], { diff: 'previous' })}>Difference to the tag before</a>
        <a href={hrefOf(['events'], { subject: tag.name })}>History</a>
      </p>
    </>
  );
}

function Marks({ map, tag }: { readonly map: TrainMap; readonly tag: MapTag }) {
  const environments = [...new Set(map.waves.map(({ environment }) => environment))];
  const reasons = reasonsOf(tag);
  const { state } = summaryOf(tag, environments);
  if (tag.broken !== null)
    return (
      <p>
        <Mark state="broken" words /> {tag.broken}
      </p>
    );
  if (reasons.length === 0) return null;
  return (
    <ul class="plain-list">
      {reasons.map(({ environments: named, text }) => (
        <li key={text}>
          <Mark state={tag.marks[named[0] ?? '']?.state ?? state} /> {text}
          {named.length < environments.length ? <span class="quiet"> for {named.join(', ')}</span> : null}
        </li>
      ))}
    </ul>
  );
}

function SeveralTags({ map, tags }: Props) {
  const environments = [...new Set(map.waves.map(({ environment }) => environment))];
  const sorted = tags.toSorted((one, other) => one.hour.localeCompare(other.hour));
  const commits = sorted.reduce((sum, { commits }) => sum + (commits ?? 0), 0);
  return (
    <>
      <p class="quiet">{count(commits, 'commit')} in them</p>
      <ul class="plain-list">
        {sorted.map((tag) => (
          <li key={tag.name} class="tag-line">
            <Mark state={summaryOf(tag, environments).state} />
            <TagName name={tag.name} short />
            <span class={tag.isNew ? 'clip' : 'clip quiet'}>{tag.isNew ? tag.subject : 'no new commit'}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
