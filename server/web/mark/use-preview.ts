import { useEffect, useState } from 'preact/hooks';
import type { ShownPreview } from '../../../protocol/api/changes.ts';
import { ask } from '../api.ts';
import type { Data } from '../data.ts';
import { onNews } from '../live.ts';
import type { Proposal } from './proposal.ts';

/** While somebody still chooses, nothing is asked. */
const PAUSE_MS = 120;

/** What a proposal would move; worked out anew when it changes, and when the world does. Null proposes nothing. */
export function usePreview(proposal: Proposal | null): Data<ShownPreview> {
  const text = proposal === null ? '' : JSON.stringify(proposal);
  const [state, setState] = useState<Omit<Data<ShownPreview>, 'reload'>>(NOTHING);
  const [round, setRound] = useState(0);
  useEffect(() => onNews(['tags', 'killswitch', 'settings'], () => setRound((before) => before + 1)), []);

  useEffect(() => {
    if (text === '') {
      setState({ ...NOTHING, isLoading: false });
      return;
    }
    setState((before) => ({ ...before, isLoading: true }));
    const over = new AbortController();
    const load = async (): Promise<void> => {
      const askedAt = Date.now();
      const result = await ask<ShownPreview>('v1/preview', {
        method: 'POST',
        body: JSON.parse(text) as Proposal,
        signal: over.signal,
      });
      const answer = result.ok ? { value: result.value, failure: null } : { value: null, failure: result };
      setState({ ...answer, asOf: Date.now(), askedAt, isLoading: false });
    };
    const timer = setTimeout(() => {
      load().catch(() => undefined);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [text, round]);
  return { ...state, reload: () => setRound((before) => before + 1) };
}

const NOTHING: Omit<Data<ShownPreview>, 'reload'> = {
  value: null,
  failure: null,
  asOf: null,
  askedAt: null,
  isLoading: true,
};
