import { isForeignOrigin, whyNotLocal } from './loopback.ts';
import { peerOf } from './peer.ts';
import { type FailureReply, failure } from './reply.ts';
import type { Call, Route } from './route.ts';

/** Why a call is refused before its route sees it, or undefined. */
export function refuse({ access }: Route, { door, request }: Call): FailureReply | undefined {
  if (access === 'anyone') return undefined;
  const { http } = door.settings();
  const away = whyNotLocal({ address: peerOf(request), headers: request.headers });
  if (access === 'read') {
    if (away !== null) return beyondLoopback('reads-off', away, 'http.local_reads');
    return http.localReads ? undefined : switchedOff('reads-off', 'asking for it', 'http.local_reads');
  }
  if (away !== null) return beyondLoopback('changes-off', away, 'http.local_changes');
  if (!http.localChanges) return switchedOff('changes-off', 'changing anything', 'http.local_changes');
  if (isForeignOrigin(request.headers))
    return failure('foreign-origin', 'a page of another origin may not change anything here', 'use the command line');
  return isJson(request.headers['content-type']) ? undefined : notJson();
}

/** Browsers cannot send this type from another origin without asking first, and are never allowed to. */
export function isJson(contentType: string | undefined): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

export function notJson(): FailureReply {
  return failure(
    'unsupported-media-type',
    'the request is not JSON',
    'send Content-Type: application/json, not compressed',
  );
}

type Off = 'reads-off' | 'changes-off';

function beyondLoopback(code: Off, away: string, setting: string): FailureReply {
  return failure(
    code,
    `only callers on the server's own machine are answered here (${setting}), and this request is not one: ${away}`,
    'use the command line there, or ask through "ssh -L"',
  );
}

function switchedOff(code: Off, what: string, setting: string): FailureReply {
  const key = setting.replace('.', ': {');
  return failure(
    code,
    `${what} over HTTP is off: ${setting} is false`,
    `use the command line, or write ${key}: true} in server.yml`,
  );
}
