import type { Problem } from '../core/problem.ts';
import type { ListenAddress, Settings } from '../settings/settings.ts';

/** What the supervisor tells the head. */
export type ToHead =
  /** Nobody else has the store, and nobody else keeps the timetable. `startedWith`: what only a whole restart changes. */
  | { readonly kind: 'begin'; readonly startedWith: Pick<Settings, 'listen' | 'workers'> }
  /** What the supervisor has to tell operators. */
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** Its successor is ready to begin: nothing that takes long may be begun any more. */
  | { readonly kind: 'rest' }
  /** Requests under way may take so long. */
  | { readonly kind: 'stop'; readonly graceSeconds: number };

export type FromHead =
  /** The program is loaded; nothing is opened yet. */
  | { readonly kind: 'loaded' }
  /** The control files are settled, and requests are answered on the socket. */
  | { readonly kind: 'ready'; readonly at: HeadPlace }
  /** Nothing goes on that takes long. */
  | { readonly kind: 'resting' };

/** Where the head is, and the settings that it began with. */
export interface HeadPlace {
  /** The path of its socket. */
  readonly socket: string;
  readonly settings: Settings;
  /** The directory of control files. */
  readonly base: string;
}

/** What the supervisor tells a door. */
export type ToDoor =
  | { readonly kind: 'open'; readonly listen: ListenAddress; readonly at: HeadPlace }
  /** The head is about to be replaced: nothing more may be sent to it. */
  | { readonly kind: 'hold' }
  /** There is a head again. */
  | { readonly kind: 'go'; readonly at: HeadPlace }
  /** Another door has taken its place. */
  | { readonly kind: 'retire'; readonly idleSeconds: number }
  | { readonly kind: 'stop'; readonly graceSeconds: number };

export type FromDoor =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'open'; readonly url: string }
  /** Nothing can be heard at the address. */
  | { readonly kind: 'deaf'; readonly sentence: string; readonly hint: string }
  /** Whatever was sent to the head has been answered, but for those who wait. */
  | { readonly kind: 'holding' };

interface Channel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Hears what the other end says. It is the same program, so the kind tells everything. */
export function hear<Message extends { readonly kind: string }>(
  channel: Channel,
  listener: (message: Message) => void,
): void {
  channel.on('message', (message) => {
    if (isMessage<Message>(message)) listener(message);
  });
}

function isMessage<Message extends { readonly kind: string }>(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'kind' in message && typeof message.kind === 'string';
}
