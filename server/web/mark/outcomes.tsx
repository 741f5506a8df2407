import { useState } from 'preact/hooks';
import { ask, type Failed } from '../api.ts';
import { tell } from '../live.ts';
import { Failure } from '../parts/states.tsx';
import { TagName } from '../parts/tag-name.tsx';
import { type MarkOrder, type MarkRequest, requestsOf } from './order.ts';

export interface Outcome {
  readonly tag: string;
  readonly failure: Failed | null;
  /** False where the file said so before. */
  readonly changed: boolean;
  readonly warning: string | null;
}

export interface Marking {
  /** Null before anything was sent. */
  readonly outcomes: readonly Outcome[] | null;
  readonly isBusy: boolean;
  /** Sends what has not been done yet: nothing is written twice. */
  start(order: MarkOrder): void;
}

export function useMarking(): Marking {
  const [outcomes, setOutcomes] = useState<readonly Outcome[] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async (order: MarkOrder): Promise<void> => {
    setBusy(true);
    const done = new Map((outcomes ?? []).filter(({ failure }) => failure === null).map((one) => [one.tag, one]));
    const results: Outcome[] = [];
    // One after the other: they are lines of one file.
    for (const request of requestsOf(order)) {
      results.push(done.get(request.tag) ?? (await send(request)));
      setOutcomes([...results]);
    }
    setBusy(false);
    tell(['tags', 'map', 'nodes']);
  };
  return {
    outcomes,
    isBusy,
    start: (order) => {
      void run(order);
    },
  };
}

async function send({ tag, path, method, body }: MarkRequest): Promise<Outcome> {
  const result = await ask<{ changed?: boolean; warning?: string }>(path, { method, body, isUrgent: true });
  if (!result.ok) return { tag, failure: result, changed: false, warning: null };
  const { changed = true, warning = null } = result.value;
  return { tag, failure: null, changed, warning };
}

/** What came of it, tag by tag. */
export function Outcomes({ marking: { outcomes }, order }: { readonly marking: Marking; readonly order: MarkOrder }) {
  if (outcomes === null) return null;
  const failed = outcomes.filter(({ failure }) => failure !== null);
  return (
    <section role="status" class="outcomes">
      <ul class="plain-list">
        {outcomes.map((outcome) => (
          <li key={outcome.tag}>
            <TagName name={outcome.tag} /> {wordsOf(outcome, order)}
            {outcome.warning === null ? null : <p class="stale">{outcome.warning}</p>}
          </li>
        ))}
      </ul>
      {failed.map(({ tag, failure }) => (failure === null ? null : <Failure key={tag} failure={failure} />))}
      {failed.length === 0 ? null : <p>What is done stays done; the rest is tried again with the button below.</p>}
    </section>
  );
}

function wordsOf({ failure, changed }: Outcome, { state }: MarkOrder): string {
  if (failure !== null) return 'is as it was';
  const words = state === 'none' ? 'has no mark' : `is marked ${state}`;
  return changed ? words : `${words}, as before`;
}
