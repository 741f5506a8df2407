import type { NewEvent } from '../../core/event.ts';
import type { Poll } from '../../ports/store.ts';
import type { Answer } from './answers.ts';

/** The event for a poll that was answered with something else than the node's poll before. */
export function assignmentEvent({ hostname, at, told }: Poll, before: Answer | null): NewEvent {
  const text = before !== null && brief(before) === brief(told) ? detailed : brief;
  return {
    at,
    kind: 'assignment',
    by: 'server',
    from: null,
    subject: hostname,
    before: before === null ? null : text(before),
    after: text(told),
    why: null,
    summary: `${hostname} ${newsOf(told)} (${told.wave})`,
  };
}

function newsOf(told: Answer): string {
  switch (told.outcome) {
    case 'serve':
      return `now gets ${told.tag}`;
    case 'hold':
      return `now keeps what it has: ${told.hold}`;
    case 'killswitch':
      return 'is now stopped by the killswitch';
  }
}

/** `serve etchautotag-20261120-0800 sha256:…`, `hold no-acceptable-tag`, `killswitch`. */
function brief({ outcome, tag, digest, hold }: Answer): string {
  return [outcome, tag, digest, hold].filter((part) => part !== null).join(' ');
}

/** For answers that differ only in what is beside the tag. */
function detailed(answer: Answer): string {
  const { environment, wave, groups, message } = answer;
  return `${brief(answer)} ${JSON.stringify({ environment, wave, groups, message })}`;
}
