import { useState } from 'preact/hooks';
import { ask, type Failed } from '../api.ts';
import { tell } from '../live.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Failure } from '../parts/states.tsx';
import { becomeWith } from '../place.ts';
import { session, whyNoChange } from '../session.ts';
import { useStore } from '../store.ts';
import { useStatus } from '../summary.ts';
import { count } from '../words.ts';
import { useStops } from './banners.tsx';
import { noteChange } from './changed.ts';
import { keyOf, pathOf } from './stops.ts';

interface Props {
  /** `all`, or an environment. */
  readonly scope: string;
  readonly onClose: () => void;
}

/** Longer than this is too long for something that stops: what else can be done is then said. */
const LIMIT_MS = 10_000;

/** Stops everything, or one environment. Waits for nothing: what is not known yet is left out. */
export function KillDialog({ scope, onClose }: Props) {
  const status = useStatus();
  const why = whyNoChange(useStore(session));
  const stops = useStops();
  const [message, setMessage] = useState('');
  const [failure, setFailure] = useState<Failed | null>(null);
  const [isSending, setSending] = useState(false);
  const environment = scope === 'all' ? null : scope;
  const choices = choicesOf(status.value?.waves ?? [], environment);
  const chosen = choices.find((one) => one.environment === environment);
  const isOn = stops.some((stop) => stop.environment === environment);

  const stop = async (): Promise<void> => {
    setSending(true);
    setFailure(null);
    const result = await ask<{ message: string; version?: string }>(pathOf(environment), {
      method: 'PUT',
      body: { message },
      limitMs: LIMIT_MS,
      isUrgent: true,
    });
    setSending(false);
    if (!result.ok) return setFailure(result);
    const { version = '' } = result.value;
    noteChange({
      environment,
      at: Date.now(),
      stop: { environment, message, version, progress: null, since: null, by: null },
    });
    onClose();
    tell(['killswitch', 'map']);
  };

  return (
    <Dialog title="Stop" isGrave onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void stop();
        }}
      >
        <fieldset class="choices">
          <legend>What</legend>
          {choices.map((choice) => (
            <label key={keyOf(choice.environment)} class="choice">
              <input
                type="radio"
                name="scope"
                checked={choice.environment === environment}
                onChange={() => becomeWith({ kill: keyOf(choice.environment) })}
              />
              <span>{choice.environment ?? 'Everything'}</span>
              <span class="quiet numbers">{choice.nodes === null ? '' : count(choice.nodes, 'node')}</span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          Message: what hosts and colleagues read
          <textarea
            rows={2}
            maxLength={4000}
            value={message}
            placeholder="ntp is broken since 08:00, alice looks into it"
            onInput={(event) => setMessage(event.currentTarget.value)}
          />
        </label>
        <p class="quiet">
          Every host keeps what it has until this is taken back. It counts from the next time that each of them asks;
          who has been told is shown on every page.
          {isOn ? ' It is on already: its message is replaced.' : ''}
        </p>
        {why === null ? null : <p class="stale">{why}</p>}
        {failure === null ? null : <KillFailure failure={failure} environment={environment} />}
        <span class="row">
          <button type="submit" class="stop" disabled={isSending}>
            {isSending ? 'Stopping…' : buttonWords(environment, chosen?.nodes ?? null)}
          </button>
          <button type="button" class="plain" onClick={onClose}>
            Cancel
          </button>
        </span>
      </form>
    </Dialog>
  );
}

function KillFailure({ failure, environment }: { readonly failure: Failed; readonly environment: string | null }) {
  return (
    <>
      <Failure failure={failure} />
      <p>
        It can be done with a shell on the server all the same, in the base directory:{' '}
        <code>{environment === null ? 'touch killswitch' : `touch killswitch.d/${environment}`}</code>
      </p>
    </>
  );
}

interface Choice {
  readonly environment: string | null;
  readonly nodes: number | null;
}

type WaveCount = { readonly environment: string; readonly nodes: number };

/** Everything, and each environment with its nodes; the one that was asked for even before anything is known. */
function choicesOf(waves: readonly WaveCount[], wanted: string | null): Choice[] {
  const counts = new Map<string, number>();
  for (const { environment, nodes } of waves) counts.set(environment, (counts.get(environment) ?? 0) + nodes);
  const all = waves.length === 0 ? null : waves.reduce((sum, { nodes }) => sum + nodes, 0);
  const missing = wanted === null || counts.has(wanted) ? [] : [{ environment: wanted, nodes: null }];
  return [
    { environment: null, nodes: all },
    ...[...counts].map(([environment, nodes]) => ({ environment, nodes })),
    ...missing,
  ];
}

function buttonWords(environment: string | null, nodes: number | null): string {
  const what = environment ?? 'everything';
  return nodes === null ? `Stop ${what}` : `Stop ${what}: ${count(nodes, 'node')}`;
}
