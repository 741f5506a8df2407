import type { Hostname } from '../../protocol/names.ts';
import type { Answer, StandingAnswer } from '../operations/assign.ts';
import { namesEtag } from './etag.ts';
import { starting, unavailable } from './failures.ts';
import { stopHeaders, textEtag, textWords, type Words, wordsOf } from './node-words.ts';
import type { FailureReply, ToldReply } from './reply.ts';

export type OtherAnswer = Exclude<Answer, StandingAnswer>;

export interface Telling {
  readonly hostname: Hostname;
  readonly pollAfterSeconds: number;
  readonly ifNoneMatch: string | undefined;
  /** `tags/NAME` instead of the assignment. */
  readonly asText: boolean;
  /** It was told something else before. */
  readonly isNews: boolean;
}

/** What a host is told: what it gets (200, or 304 where it knows), or why it keeps what it has (409, 423, 403, 404, 503). */
export function tell(answer: Answer, telling: Telling): ToldReply | FailureReply {
  if (!('told' in answer)) return tellOther(answer, telling.pollAfterSeconds);
  const words = wordsFor(answer, telling);
  const { hostname, ifNoneMatch, isNews } = telling;
  return { kind: 'told', words, hostname, isNews, isKnown: namesEtag(ifNoneMatch, words.etag) };
}

/** The refusal of the tag that it asked for, or 503. */
export function tellOther(answer: OtherAnswer, pollAfterSeconds: number): FailureReply {
  if (answer.kind === 'not-ready') return starting(answer);
  if (answer.kind === 'unavailable') return unavailable(answer);
  const { code, message, reasons } = answer.choice;
  const headers = stopHeaders(answer.kind, pollAfterSeconds);
  return { kind: 'failure', code, title: message, message, reasons, headers };
}

/** Whether a host that names this entity tag knows an answer. A hold and a killswitch are told again all the same. */
export function isKnown(answer: Answer, ifNoneMatch: string, asText: boolean): boolean {
  if (!('etag' in answer)) return false;
  return namesEtag(ifNoneMatch, asText && answer.kind === 'serve' ? textEtag(answer) : answer.etag);
}

function wordsFor(answer: StandingAnswer, { asText, pollAfterSeconds }: Telling): Words {
  return asText && answer.kind === 'serve' ? textWords(answer, pollAfterSeconds) : wordsOf(answer, pollAfterSeconds);
}
