import type { IncomingHttpHeaders } from 'node:http';
import type { Peer } from './peer.ts';

const NAME = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const HOST = new RegExp(`^(?:${NAME}(?:\\.${NAME})*\\.?|\\[[0-9a-f:.]{2,45}\\])(?::\\d{1,5})?$`, 'i');
const LONGEST = 260;

/**
 * The URL under which somebody reached this server, by the `Host` header: a name or an address with nothing around it, since
 * it becomes part of a script that root runs. Undefined for anything else.
 */
export function urlOfHost(
  { host }: IncomingHttpHeaders,
  { isEncrypted }: Pick<Peer, 'isEncrypted'>,
): string | undefined {
  if (host === undefined || host.length > LONGEST || !HOST.test(host)) return undefined;
  const url = `${isEncrypted ? 'https' : 'http'}://${host.toLowerCase()}`;
  return URL.canParse(url) ? url : undefined;
}

/** One word for a shell, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
