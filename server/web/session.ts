import type { Failed } from './api.ts';
import { createStore, type Store } from './store.ts';

const TOKEN = 'tagwave-token';
const RETURN_TO = 'tagwave-return-to';

/** Who is signed in, as `GET /v1/session` says; null where nobody has to be. */
export interface Person {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly by: string;
  readonly expiresAt: string | null;
}

/** Why the server wants to know who asks; null while it is content. */
export const refused: Store<Failed | null> = createStore<Failed | null>(null);

/** Kept in this tab alone, and gone with it. */
export function tokenOfTab(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token.trim());
  location.reload();
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

export function noteRefused(failed: Failed): void {
  refused.set(failed);
}

/** Where `login` sends a browser back to; the part after `#` is kept here meanwhile, since no server sees it. */
export function loginHref(): string {
  return `login?to=${encodeURIComponent('/')}`;
}

export function rememberPlace(): void {
  sessionStorage.setItem(RETURN_TO, location.hash);
}

/** Once, when the page begins. */
export function returnToPlace(): void {
  const hash = sessionStorage.getItem(RETURN_TO);
  sessionStorage.removeItem(RETURN_TO);
  if (hash !== null && location.hash.length < 3) location.replace(hash);
}
