/**
 * Whether nobody on the way can read along: TLS, or this very machine. A name counts as this machine only if it cannot be
 * anything else.
 */
export function isPrivateLine({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true;
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** Why a server is not asked, as a part of a sentence. */
export const OVERHEARD = 'it is not asked, as over plain HTTP others could read the token; give its https:// URL';
