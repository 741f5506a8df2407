import type { Environment } from '../../protocol/names.ts';
import { quoted } from '../core/wording.ts';
import type { KnownCredentials } from '../ports/credentials.ts';
import { type FailureReply, failure } from './reply.ts';

/** Seconds after which a host may ask again where something is only about to be ready. */
const SOON_SECONDS = '2';
/** … and where somebody has to do something first. */
const LATER_SECONDS = '30';

/** The failures that several routes have in common. */

export function starting({ sentence, hint }: { readonly sentence: string; readonly hint: string }): FailureReply {
  return { ...failure('starting', sentence, hint), headers: { 'Retry-After': SOON_SECONDS } };
}

export function unavailable({ sentence, hint }: { readonly sentence: string; readonly hint: string }): FailureReply {
  return { ...failure('state-unavailable', sentence, hint), headers: { 'Retry-After': LATER_SECONDS } };
}

/** For who may be anybody: where the credentials lie, and what to do about them, is none of their business. */
export function nobodyIsKnown(): FailureReply {
  return unavailable({
    sentence: 'who asks cannot be looked up at the moment',
    hint: 'ask again later; "tagwave-server status" says what is wrong',
  });
}

/** Nobody can be told who is known now. */
export function credentialsTrouble(credentials: Pick<KnownCredentials, 'trouble'>): FailureReply | undefined {
  const trouble = credentials.trouble();
  return trouble === null ? undefined : unavailable({ sentence: trouble, hint: 'ask again when that is mended' });
}

export function badHostname(text: string): FailureReply {
  return failure(
    'bad-hostname',
    `${quoted(text)} is no host name`,
    'ask with the fully qualified name: labels of letters, digits and inner hyphens, at most 253 characters',
  );
}

export function badTag(text: string): FailureReply {
  return failure('bad-tag', `${quoted(text)} is no tag`, 'tags are called etchautotag-YYYYMMDD-HH00 (UTC)');
}

export function badDigest(text: string): FailureReply {
  return failure('bad-digest', `${quoted(text)} is no digest`, 'a digest is sha256: and 64 lower-case hex digits');
}

export function badEnvironment(text: string, known: ReadonlySet<Environment | string>): FailureReply {
  return failure(
    'bad-environment',
    `${quoted(text)} is no environment`,
    `those of the schedule are ${[...known].join(', ')}`,
  );
}

export function unknownTag(tag: string): FailureReply {
  return failure('unknown-tag', `there is no tag ${tag}`, 'GET /v1/tags lists those that exist');
}
