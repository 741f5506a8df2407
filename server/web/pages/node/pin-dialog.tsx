import { useState } from 'preact/hooks';
import type { NodeRecord } from '../../../../protocol/api/nodes.ts';
import type { ShownTag } from '../../../../protocol/api/tags.ts';
import { ask, type Failed } from '../../api.ts';
import { useData } from '../../data.ts';
import { tell } from '../../live.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Failure } from '../../parts/states.tsx';
import { TagSelect } from '../parts/tag-select.tsx';
import { PinEffect } from './pin-effect.tsx';

interface Props {
  readonly hostname: string;
  readonly record: NodeRecord | null;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Pins a node to a tag, or takes its pin away; shows what would come of it first. */
export function PinDialog({ hostname, record, onClose, onDone }: Props) {
  const own = record?.pin?.host === hostname && record.pin.file === 'pins' ? record.pin : null;
  const tags = useData<{ tags: readonly ShownTag[] }>('v1/tags', ['tags']).value?.tags ?? [];
  const [tag, setTag] = useState(own?.tag ?? '');
  const [until, setUntil] = useState(own?.until?.slice(0, 16).replace('T', ' ') ?? '');
  const [reason, setReason] = useState(own?.reason ?? '');
  const [failure, setFailure] = useState<Failed | null>(null);
  const [isBusy, setBusy] = useState(false);
  const pin = {
    tag,
    ...(until === '' ? {} : { until: `${until.trim().replace(' ', 'T')}Z` }),
    ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
  };
  const act = async (method: 'PUT' | 'DELETE', body?: unknown): Promise<void> => {
    setBusy(true);
    const done = await ask(`v1/nodes/${encodeURIComponent(hostname)}/pin`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    setBusy(false);
    if (!done.ok) return setFailure(done);
    onClose();
    onDone();
    tell(['map', 'nodes', 'events']);
  };
  return (
    <Dialog title={`Pin ${hostname}`} onClose={onClose}>
      <form
        class="pin-form"
        onSubmit={(event) => {
          event.preventDefault();
          void act('PUT', pin);
        }}
      >
        <p class="quiet">
          A pin chooses a node's tag before the schedule does, and serves it even where it is marked bad.
        </p>
        <div class="row">
          <TagSelect
            label="Tag"
            value={tag}
            none="choose one"
            tags={tags.filter(({ broken }) => broken === null).map(({ name }) => name)}
            onChange={setTag}
          />
          <label>
            until{' '}
            <input
              type="text"
              size={16}
              pattern="\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}"
              placeholder="for ever"
              title="YYYY-MM-DD HH:MM in UTC; empty = for ever"
              value={until}
              onInput={(event) => setUntil(event.currentTarget.value)}
            />{' '}
            UTC
          </label>
        </div>
        <label class="wide-label">
          Reason, for whoever finds the pin
          <input
            type="text"
            maxLength={1000}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <PinEffect hostname={hostname} tag={tag} />
        {failure === null ? null : <Failure failure={failure} />}
        <div class="row dialog-actions">
          <button type="submit" class="main" disabled={tag === '' || isBusy}>
            {own === null ? 'Pin' : 'Change the pin'}
          </button>
          {own === null ? null : (
            <button type="button" disabled={isBusy} onClick={() => void act('DELETE')}>
              Remove the pin
            </button>
          )}
          <button type="button" class="plain" onClick={onClose}>
            Cancel
          </button>
        </div>
        {own === null ? null : <PinEffect hostname={hostname} tag={null} />}
      </form>
    </Dialog>
  );
}
