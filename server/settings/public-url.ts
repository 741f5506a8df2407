import { isLoopback } from './listen.ts';

/** A URL as hosts may be given it: no credentials, query or fragment, and nothing that a shell would take apart. */
export function isPublicUrl(text: string): boolean {
  if (!/^https?:\/\/[\w.:[\]/~%+,@-]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/** The URL of who knows people: nobody on the way may read along or answer in its place. */
export function isIssuer(text: string): boolean {
  if (!isPublicUrl(text) || text.includes('/.well-known/')) return false;
  return isKeptPrivate(text);
}

/** Where something is told to: a query may be part of it. */
export function isWebhook(text: string): boolean {
  if (!/^https?:\/\/[^\s#]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/** Whether what goes to a URL can be read by nobody else: by TLS, or because it stays on this machine. */
export function isKeptPrivate(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}
