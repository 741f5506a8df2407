import { useStore } from '../store.ts';
import { tick } from '../ticking.ts';
import { absolute, relative } from '../words.ts';

interface Props {
  /** RFC 3339, or milliseconds since 1970. */
  readonly at: string | number;
  /** The relative words alone, the time itself where a pointer rests; for tables. */
  readonly brief?: boolean;
}

/** When something happened: how long ago, and the time in UTC. */
export function Time({ at, brief = false }: Props) {
  const now = useStore(tick);
  const instant = typeof at === 'number' ? at : Date.parse(at);
  if (Number.isNaN(instant)) return <span>{at}</span>;
  const full = absolute(instant);
  return (
    <time dateTime={new Date(instant).toISOString()} title={absolute(instant, { seconds: true })}>
      {relative(instant, now)}
      {brief ? null : <span class="quiet"> · {full}</span>}
    </time>
  );
}
