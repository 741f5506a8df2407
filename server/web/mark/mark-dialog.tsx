import './mark.css';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../parts/dialog.tsx';
import { Mark } from '../parts/mark.tsx';
import { Loaded } from '../parts/states.tsx';
import { becomeWith } from '../place.ts';
import { session, whyNoChange } from '../session.ts';
import { useStore } from '../store.ts';
import { useStatus } from '../summary.ts';
import { shortTag } from '../tag-name.ts';
import { Advice, Later } from './advice.tsx';
import { Changes } from './changes.tsx';
import { MoveTable } from './moves.tsx';
import { EXPLAINED, type MarkOrder, marksOf, STATES, type State } from './order.ts';
import { Outcomes, useMarking } from './outcomes.tsx';
import { usePreview } from './use-preview.ts';
import { When } from './when.tsx';

interface Props {
  readonly order: MarkOrder;
  readonly onClose: () => void;
}

/** Marks one or several tags, after it has shown what comes of that. */
export function MarkDialog({ order, onClose }: Props) {
  const marking = useMarking();
  const { tags, state } = order;
  const title = tags.length === 1 ? `Mark ${shortTag(tags[0] ?? '')}` : `Mark ${tags.length} tags`;
  const isDone =
    marking.outcomes !== null && !marking.isBusy && marking.outcomes.every(({ failure }) => failure === null);
  return (
    <Dialog title={title} isGrave={state === 'bad' || state === 'badfwd'} onClose={onClose}>
      {isDone ? (
        <>
          <Outcomes marking={marking} order={order} />
          <button type="button" class="main" onClick={onClose}>
            Close
          </button>
        </>
      ) : (
        <Form order={order} marking={marking} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Form({ order, marking, onClose }: Props & { readonly marking: ReturnType<typeof useMarking> }) {
  const why = whyNoChange(useStore(session));
  const marks = marksOf(order);
  const preview = usePreview(marks === null ? null : { marks });
  const [reason, setReason] = useReason(order.reason);
  const { state, tags } = order;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (state !== null) marking.start({ ...order, reason });
      }}
    >
      {tags.length > 1 ? <TagList tags={tags} /> : null}
      <States chosen={state} />
      <Environments chosen={order.environments} />
      <label class="field">
        Reason: stands in tagstate beside the mark
        <input
          value={reason}
          maxLength={500}
          placeholder="broke ntp, INC-4711"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      {state === null ? null : (
        <section class="preview stack" aria-label="What would happen" aria-busy={preview.isLoading}>
          <h3>What would happen</h3>
          <Loaded data={preview} what="what would happen" rem={12}>
            {(value) => (
              <>
                <MoveTable preview={value} nothing="Nobody moves now." />
                <When preview={value} />
                {value.advice === null ? null : (
                  <Advice advice={value.advice} state={state} onTake={(next) => becomeWith({ state: next })} />
                )}
                <Later later={value.later} />
                <Changes changes={value.changes} />
              </>
            )}
          </Loaded>
        </section>
      )}
      {why === null ? null : <p class="stale">{why}</p>}
      <Outcomes marking={marking} order={order} />
      <span class="row actions">
        <button
          type="submit"
          class={state === 'bad' || state === 'badfwd' ? 'stop' : 'main'}
          disabled={state === null || marking.isBusy}
        >
          {buttonWords(order, marking.isBusy)}
        </button>
        <button type="button" class="plain" onClick={onClose}>
          Cancel
        </button>
        {reason.trim() === '' && state !== null && state !== 'none' ? (
          <span class="quiet">Without a reason, colleagues will have to ask.</span>
        ) : null}
      </span>
    </form>
  );
}

/** What is typed is said in the URL when there is a pause. */
function useReason(initial: string): [string, (reason: string) => void] {
  const [reason, setReason] = useState(initial);
  useEffect(() => {
    const timer = setTimeout(() => becomeWith({ reason }), 400);
    return () => clearTimeout(timer);
  }, [reason]);
  return [reason, setReason];
}

function TagList({ tags }: { readonly tags: readonly string[] }) {
  return (
    <ul class="tag-chips" aria-label="Tags to mark">
      {tags.map((tag) => (
        <li key={tag} class="chip">
          <span class="numbers">{shortTag(tag)}</span>
          <button
            type="button"
            class="plain chip-remove"
            aria-label={`Leave out ${shortTag(tag)}`}
            onClick={() => becomeWith({ mark: tags.filter((one) => one !== tag).join() })}
          >
            <span aria-hidden="true">×</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function States({ chosen }: { readonly chosen: State | null }) {
  return (
    <fieldset class="choices">
      <legend>Mark as</legend>
      {STATES.map((state) => (
        <label key={state} class="choice">
          <input type="radio" name="state" checked={state === chosen} onChange={() => becomeWith({ state })} />
          <span>
            <Mark state={state} isOrnament /> {state}
          </span>
          <span class="quiet">{EXPLAINED[state]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Environments({ chosen }: { readonly chosen: readonly string[] }) {
  const waves = useStatus().value?.waves ?? [];
  const all = [...new Set([...waves.map(({ environment }) => environment), ...chosen])];
  const toggle = (environment: string): void => {
    const next = chosen.includes(environment) ? chosen.filter((one) => one !== environment) : [...chosen, environment];
    becomeWith({ env: next.length === all.length ? undefined : next.join() });
  };
  return (
    <fieldset class="choices is-row">
      <legend>For</legend>
      <label class="choice">
        <input type="checkbox" checked={chosen.length === 0} onChange={() => becomeWith({ env: undefined })} />
        <span>all environments</span>
      </label>
      {all.map((environment) => (
        <label key={environment} class="choice">
          <input type="checkbox" checked={chosen.includes(environment)} onChange={() => toggle(environment)} />
          <span>{environment}</span>
        </label>
      ))}
    </fieldset>
  );
}

function buttonWords({ tags, state }: MarkOrder, isBusy: boolean): string {
  if (isBusy) return 'Marking…';
  const what = tags.length === 1 ? 'it' : `${tags.length} tags`;
  if (state === null) return 'Choose a mark';
  return state === 'none' ? `Take the mark from ${what}` : `Mark ${what} ${state}`;
}
