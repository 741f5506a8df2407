import type { ShownStatus } from '../../../../protocol/api/status.ts';
import { hrefOf } from '../../router.ts';
import { hourOfTag } from '../../tag-name.ts';
import { clock, grouped } from '../../words.ts';
import { TagMarks } from '../parts/tag-marks.tsx';
import type { ListedTag, TagDay } from './list.ts';

type Waves = ShownStatus['waves'];

interface Props {
  readonly days: readonly TagDay[];
  readonly waves: Waves;
  readonly chosen: readonly string[];
  readonly onChoose: (tag: string) => void;
}

export function TagTable({ days, waves, chosen, onChoose }: Props) {
  return (
    <div class="table-room tags-table">
      <table>
        <caption class="unseen">Tags, newest first, by day (UTC)</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">Choose</span>
            </th>
            <th scope="col">Hour</th>
            <th scope="col">Marks</th>
            <th scope="col">Change</th>
            <th scope="col" class="minor">
              Author
            </th>
            <th scope="col" class="minor">
              Given to
            </th>
            <th scope="col" class="number minor">
              Nodes
            </th>
          </tr>
        </thead>
        {days.map(({ day, tags }) => (
          <tbody key={day}>
            <tr class="day">
              <th scope="rowgroup" colSpan={7}>
                {day}
              </th>
            </tr>
            {tags.map((tag) => (
              <Row key={tag.name} tag={tag} waves={waves} isChosen={chosen.includes(tag.name)} onChoose={onChoose} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

interface RowProps {
  readonly tag: ListedTag;
  readonly waves: Waves;
  readonly isChosen: boolean;
  readonly onChoose: (tag: string) => void;
}

function Row({ tag, waves, isChosen, onChoose }: RowProps) {
  const { name, subject, author, commits, nodes, isNew, origin, stale, ahead } = tag;
  const hour = hourOfTag(name);
  const environments = [...new Set(waves.map(({ environment }) => environment))];
  const given = waves.filter(({ answer }) => answer === name);
  const remarks = [origin === 'cron' ? '' : origin, stale ? 'stale' : '', ahead ? 'ahead of time' : ''].filter(Boolean);
  return (
    <tr class={isNew ? undefined : 'tag-same'}>
      <td class="choose">
        <input type="checkbox" aria-label={`Choose ${name}`} checked={isChosen} onChange={() => onChoose(name)} />
      </td>
      <th scope="row" class="hour">
        <a class="tag-name" href={hrefOf(['tags', name])} title={name}>
          {hour === null ? name : clock(hour)}
        </a>
      </th>
      <td class="marks">
        <TagMarks tag={tag} environments={environments} />
      </td>
      <td class="subject">
        {isNew ? <span title={subject}>{subject}</span> : <span class="quiet">no new commit</span>}
        {commits === null || commits < 2 ? '' : <span class="quiet"> and {commits - 1} more</span>}
        {remarks.length === 0 ? '' : <span class="flag">{remarks.join(', ')}</span>}
      </td>
      <td class="author minor">{isNew ? nameOnly(author) : ''}</td>
      <td class="given minor">{given.map(({ wave }) => wave).join(', ')}</td>
      <td class="number minor">
        {nodes === 0 ? '' : <a href={hrefOf(['nodes'], { told: name })}>{grouped(nodes)}</a>}
      </td>
    </tr>
  );
}

/** Without the address. */
function nameOnly(author: string): string {
  return author.replace(/ <[^>]*>$/, '');
}
