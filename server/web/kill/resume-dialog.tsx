import { useState } from 'preact/hooks';
import { ask, type Failed } from '../api.ts';
import { tell } from '../live.ts';
import { MoveTable } from '../mark/moves.tsx';
import { usePreview } from '../mark/use-preview.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Failure, Loaded } from '../parts/states.tsx';
import { Time } from '../parts/time.tsx';
import { session, whyNoChange } from '../session.ts';
import { useStore } from '../store.ts';
import { useStops } from './banners.tsx';
import { noteChange } from './changed.ts';
import { pathOf, progressWords, type ShownStop } from './stops.ts';

interface Props {
  /** `all`, or an environment. */
  readonly scope: string;
  readonly onClose: () => void;
}

/** Takes a killswitch back: the one that was shown, and no other that somebody has pulled since. */
export function ResumeDialog({ scope, onClose }: Props) {
  const environment = scope === 'all' ? null : scope;
  const stop = useStops().find((one) => one.environment === environment);
  const title = environment === null ? 'Resume' : `Resume ${environment}`;
  return (
    <Dialog title={title} onClose={onClose}>
      {stop === undefined ? (
        <>
          <p>
            {environment === null ? 'The killswitch is not on.' : `The killswitch of ${environment} is not on.`} Nothing
            needs to be done.
          </p>
          <button type="button" onClick={onClose}>
            Close
          </button>
        </>
      ) : (
        <Form key={stop.version} stop={stop} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Form({ stop, onClose }: { readonly stop: ShownStop; readonly onClose: () => void }) {
  const { environment, version } = stop;
  const why = whyNoChange(useStore(session));
  const [reason, setReason] = useState('');
  const [failure, setFailure] = useState<Failed | null>(null);
  const [isSending, setSending] = useState(false);
  const preview = usePreview({ killswitch: [{ environment, on: false }] });

  const resume = async (): Promise<void> => {
    setSending(true);
    setFailure(null);
    const query = new URLSearchParams({ version, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) });
    const result = await ask<unknown>(`${pathOf(environment)}?${query}`, { method: 'DELETE', isUrgent: true });
    setSending(false);
    if (!result.ok) {
      // Somebody else was first, or has pulled it for another reason: what stands now is to be read.
      tell(['killswitch']);
      return setFailure(result);
    }
    noteChange({ environment, at: Date.now(), stop: null });
    onClose();
    tell(['killswitch', 'map']);
  };

  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void resume();
      }}
    >
      <div class="resume-what">
        <p>{stop.message === '' ? <span class="quiet">No message was given.</span> : stop.message}</p>
        <p class="quiet">
          {stop.by === null ? 'On' : `Pulled by ${stop.by}`}
          {stop.since === null ? null : (
            <>
              {' '}
              <Time at={stop.since} />
            </>
          )}
          {stop.progress === null ? null : ` · ${progressWords(stop.progress)}`} · version{' '}
          <code>{version.slice(0, 12)}</code>
        </p>
      </div>
      <section aria-label="What would move">
        <h3>What would move</h3>
        <Loaded data={preview} what="what would move" rem={6}>
          {(value) => <MoveTable preview={value} nothing="Nobody moves: everybody gets what they have." />}
        </Loaded>
      </section>
      <label class="field">
        Reason, for the history
        <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {why === null ? null : <p class="stale">{why}</p>}
      {failure === null ? null : <Failure failure={failure} />}
      <span class="row">
        <button type="submit" class="main" disabled={isSending}>
          {isSending ? 'Resuming…' : environment === null ? 'Resume everything' : `Resume ${environment}`}
        </button>
        <button type="button" class="plain" onClick={onClose}>
          Cancel
        </button>
      </span>
    </form>
  );
}
