import type { TLSSocket } from 'node:tls';
import type { Hostname } from '../../protocol/names.ts';

/** The host names of the certificate that a client has shown, where it counts; none otherwise. */
export function namesOfCertificate(_socket: TLSSocket): readonly Hostname[] {
  return [];
}
